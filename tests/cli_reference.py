"""Prints the reference of every command as Markdown; `make docs` writes it to `docs/cli.md`."""

import sys

import click

from tuner.cli.app import PROGRAM, cli

FOOT = """## Exit codes

| code | meaning |
| --- | --- |
| 0 | done, also when the answer is to keep the hint |
| 1 | a check failed |
| 2 | wrong use: an option, an output directory or a study that cannot be used |
| 3 | the model or device cannot be used |
| 4 | interrupted, with everything so far saved |

Progress and messages go to standard error, results to standard output.
"""


def reference() -> str:
    parts = ["# Commands\n", "Made by `make docs` from the commands themselves.\n"]
    for name, command in sorted(cli.commands.items()):
        settings = {**cli.context_settings, "max_content_width": 100, "terminal_width": 100}
        with click.Context(command, info_name=f"{PROGRAM} {name}", **settings) as context:
            parts.append(f"## {PROGRAM} {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join([*parts, FOOT])


if __name__ == "__main__":
    sys.stdout.write(reference())
