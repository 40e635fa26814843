"""Prints the reference of every command as Markdown; `make docs` writes it to `docs/cli.md`."""

import sys

import click

from tuner.cli.app import cli
from tuner.cli.program import PROGRAM

HEAD = """# Commands

Made by `make docs` from the commands themselves.

Progress and messages go to standard error, results to standard output; `--json` prints one JSON document instead.
The exit code is 0 when the command did its work, also when the answer is to keep the hint;
[errors.md](errors.md) lists the others. `python -m tuner` is the same as `tuner`.

## Completion

A shell completes commands, options and files after one line in its start-up file:

| shell | file | line |
| --- | --- | --- |
| bash 4.4 or newer | `~/.bashrc` | `eval "$(_TUNER_COMPLETE=bash_source tuner)"` |
| zsh | `~/.zshrc`, after `compinit` | `eval "$(_TUNER_COMPLETE=zsh_source tuner)"` |
| fish | `~/.config/fish/completions/tuner.fish` | `_TUNER_COMPLETE=fish_source tuner \\| source` |

The command must be on the `PATH`: activate its environment first. Each completion starts the command once.
"""


def reference() -> str:
    parts = [HEAD, f"## {PROGRAM}\n\n{_help(cli, PROGRAM)}"]
    for name, command in sorted(cli.commands.items()):
        parts.append(f"## {PROGRAM} {name}\n\n{_help(command, f'{PROGRAM} {name}')}")
    return "\n".join(parts)


def _help(command: click.Command, name: str) -> str:
    settings = {**cli.context_settings, "max_content_width": 100, "terminal_width": 100}
    with click.Context(command, info_name=name, **settings) as context:
        return f"```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
