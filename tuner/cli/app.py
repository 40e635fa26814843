"""The commands. Each reads its options, calls the library, prints, and returns an exit code.

Exit codes: 0 done (also when the answer is to keep the hint); 1 a check failed, or nothing keeps the limits;
2 wrong use; 3 the model or device cannot be used; 4 cut short, and all so far is saved.

What needs OpenVINO or Optuna is imported inside the commands, so that `tuner --help` is instant.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from tuner import __version__
from tuner.cli import options, spelling
from tuner.cli.program import CHECK_FAILED, PROGRAM, command_line, print_lines
from tuner.domain.visible import as_line
from tuner.errors import Interrupted, StorageError, TunerError, UsageError, lacks_memory


def _show_versions(context: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import distributions  # quicker than to import OpenVINO

        openvino = next((found.version for found in distributions(name="openvino")), "unknown")
        click.echo(f"{PROGRAM}, version {__version__} (OpenVINO {openvino})")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_versions,
    help="Show the version, and OpenVINO's.",
)  # fmt: skip
def cli() -> None:
    """Find the fastest way to run a model with OpenVINO, and how sure that is."""


NO_MEMORY_LEFT = (
    "there is no memory left; every finished trial is saved: make room and run the same command again."
)


@cli.command()
@click.argument("model", type=click.Path())
@options.of_a_space
@options.of_a_question
@options.of_samples
@options.OUTPUT
@options.in_a_place
@options.on_hosts
@options.STORAGE
@options.of_a_search
def search(model: str, quiet: bool, verbose: bool, as_json: bool, **asked: Any) -> int:
    """Search the fastest streams, batch and requests for MODEL.

    Every configuration is compared with the performance hint. The exit code is 1 when nothing was
    found that keeps the limits.
    """
    asked["inputs"] = dict(asked["inputs"])
    if asked.pop("mixed_hosts"):
        if verbose:
            raise UsageError(
                "--verbose shows the trials of one search, and --mixed-hosts runs several; leave one out."
            )
        from tuner.cli.fleet import run_kinds

        return run_kinds(model, quiet, as_json, asked)
    from tuner.cli.search import run

    return run(model, quiet, verbose, as_json, asked)


@cli.command()
@click.option(
    "--budget", type=spelling.DURATION, default="30s", show_default=True, help="Time for the search."
)
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("reports/demo"), show_default=True,
    help="Directory to write to.",
)  # fmt: skip
@options.of_a_search
def demo(quiet: bool, verbose: bool, as_json: bool, **asked: Any) -> int:
    """Search a small CNN that the command builds itself."""
    from tuner.commands.demo import demo_model

    model = demo_model(asked["output"])
    from tuner.cli.search import run

    return run(model, quiet, verbose, as_json, asked)


@cli.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("against", type=click.Path(path_type=Path), required=False)
@options.MODEL_ELSEWHERE
@click.option(
    "--budget", type=spelling.DURATION, default="30s", show_default=True, help="Time for measuring: 90s, 5m."
)
@click.option(
    "--min-ratio",
    type=click.FloatRange(min=0.0),
    help="Smallest ratio that is good enough.  [default: 1.01; against other advice 1]",
)
@options.INPUT
@options.RECORDING
@options.BESIDE_AGAIN
@options.in_a_place
@options.PLUGINS
@options.SEED
@options.QUIET
@options.JSON
def verify(config: Path, against: Path | None, quiet: bool, as_json: bool, **asked: Any) -> int:
    """Measure CONFIG against the performance hint here and now.

    With AGAINST, measure it against that advice instead. The exit code is 1 when CONFIG is not as
    fast as --min-ratio demands.
    """
    from tuner.cli.terminal import narrator

    asked["inputs"] = dict(asked["inputs"])
    with narrator(quiet, verbose=False) as observer:
        from tuner.cli.answers import verification, verification_document
        from tuner.commands.verify import verify as measure

        found = measure(config, against, observer=observer, command=command_line(), **asked)
    if as_json:
        click.echo(json.dumps(verification_document(found), indent=2, allow_nan=False))
    else:
        print_lines(verification(found))
    return 0 if found.holds else CHECK_FAILED


@cli.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "program",
    type=click.Choice(["benchmark_app", "ovms", "python", "cpp", "json"]),
    required=True,
    help="The program that will run it.",
)
@options.MODEL_ELSEWHERE
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File to write.  [default: standard output; for benchmark_app beside CONFIG]",
)
def export(config: Path, program: str, model: Path | None, output: Path | None) -> int:
    """Write the configuration of CONFIG for another program.

    For benchmark_app, print its command line; for ovms, a config.json of OpenVINO Model Server;
    for python and cpp, a program that runs the model and prints its speed.
    """
    from tuner.commands.export import export as write

    done = write(config, program, model, output)
    if done.command_line:
        click.echo(done.command_line)
    elif not done.path:
        click.echo(done.export.text, nl=False)
    for note in done.export.notes:
        click.echo(f"note: {as_line(note)}", err=True)
    return 0


@cli.command()
@click.argument("studies", metavar="STUDY...", type=spelling.STORAGE_URL, nargs=-1, required=True)
@click.option(
    "--format", "formats", type=spelling.FORMATS, default="html", show_default=True,
    help="html, md, csv, json, or several of them separated by commas.",
)  # fmt: skip
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to write to.  [default: the first study's]",
)
def report(studies: tuple[str, ...], formats: tuple[str, ...], output: Path | None) -> int:
    """Write the report of STUDY again, as it is now.

    The report says what was tried, what was fastest, and how sure that is. STUDY is a folder that
    'tuner search' wrote to, its study.db, or the URL of an Optuna storage (env:NAME reads it from
    the environment); the search may still be running. Several studies are shown side by side, with
    what differs.
    """
    from tuner.commands.report import report as write

    for path in write(studies, formats, output):
        click.echo(as_line(str(path)))
    return 0


@cli.command()
@click.argument("studies", metavar="STUDY...", type=spelling.STORAGE_URL, nargs=-1, required=True)
@options.PUSH_TO
def push(studies: tuple[str, ...], storage: str) -> int:
    """Copy STUDY to a database server, for a team and for dashboards.

    STUDY is a folder that 'tuner search' wrote to, or its study.db. What is there already is not
    copied again; of two answers the better supported one stands.
    """
    from tuner.commands.push import push as copy

    for each in copy(studies, storage):
        line = f"{each.where}: {each.added} of {each.trials} trials were copied to the study '{each.name}'"
        click.echo(as_line(line))
    return 0


@cli.command()
@click.argument("configs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="File to write."
)
def merge(configs: tuple[Path, ...], output: Path) -> int:
    """Merge the advice of several hosts into one file.

    An application that loads the file gets the advice for the host that is most like its own.
    """
    from tuner.commands.merge import merge as write

    for advice in write(configs, output):
        click.echo(as_line(f"{advice.host.cpu}, {advice.host.cores} cores: {advice.best.configuration}"))
    return 0


@cli.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--again", is_flag=True, help="Search also the pairs whose answers are there.")
@click.option(
    "--kind", metavar="NAME", help="Search the pairs of this kind of host alone, here and without Ray."
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Directory to write to.  [default: the plan's]"
)
@click.option(
    "--dry-run", is_flag=True, help="Check the plan, read its models, and list its pairs; search nothing."
)
@options.QUIET
@options.JSON
def fleet(**asked: Any) -> int:
    """Search every pair of PLAN: its models, on its kinds of host, with its questions.

    The same command goes on where it was stopped: pairs whose answers are there are not searched
    again. The exit code is 3 when a pair failed, 1 when nothing was found that keeps the limits of one.
    """
    from tuner.cli.fleet import run

    return run(**asked)


@cli.command()
@options.PLUGINS
@options.JSON
def devices(plugins: Path | None, as_json: bool) -> int:
    """List what can be searched here, with each device's ranges."""
    from tuner.cli import words
    from tuner.commands.devices import devices as listed
    from tuner.commands.devices import devices_document, place

    found = listed(plugins)
    here = place(plugins)
    if as_json:
        click.echo(json.dumps(devices_document(found, here), indent=2))
        return 0
    print_lines(words.place_lines(here))
    print_lines(words.device_list(found))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = cli.main(args=arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return UsageError.exit_code
    except click.ClickException as error:
        return _complain(error.format_message(), UsageError.exit_code)
    except TunerError as error:
        return _complain(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # another Ctrl-C must not disturb the end
        return _complain("stopped at once; every finished trial is saved.", Interrupted.exit_code)
    except (BrokenPipeError, SystemExit) as end:
        # click exits by itself: it has completed a word for a shell, or nobody reads the output any more
        if isinstance(end, SystemExit) and not end.code:
            return 0
        sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
        return Interrupted.exit_code
    except (MemoryError, RuntimeError, ImportError, OSError) as error:
        if lacks_memory(error):
            return _complain(NO_MEMORY_LEFT, Interrupted.exit_code)
        if not isinstance(error, OSError):
            raise
        return _complain(f"the output cannot be written ({error.strerror or error}).", StorageError.exit_code)
    return int(code or 0)


def _complain(sentence: str, code: int) -> int:
    line = as_line(spelling.with_dashes(sentence).replace("\n\t", " "))  # click lists choices so
    with suppress(OSError):  # nobody reads it: the terminal is closed
        click.echo(f"{PROGRAM}: {line}", err=True)
    return code
