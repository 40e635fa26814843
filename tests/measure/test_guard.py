"""A script that searches where it is imported, as every lane imports it: it is told, and nothing hangs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import models
from tests.advice.advice_of import advice_of, written

pytestmark = pytest.mark.alone

SAFETY_NET_S = 120


def run_script(folder: Path, code: str, *command: str, given: str = ""):
    """Run a script; the time limit only keeps a hanging one from standing still for ever."""
    script = folder / "script.py"
    script.write_text(code)
    command = command or (str(script),)
    return subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, input=given, timeout=SAFETY_NET_S,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip


def told_the_lines_to_write(done, function="tuner.search") -> bool:
    *_, why, gap, first, second = done.stderr.splitlines()
    return (
        done.returncode == 1
        and why.endswith(f" import this script again. Call {function} only under this line:")
        and (gap, first, second) == ("", 'if __name__ == "__main__":', f"    {function}(...)")
        and done.stderr.count("Traceback") == 1
    )


@pytest.mark.parametrize("as_module", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_search_at_the_top_of_a_script_is_refused_with_the_lines_to_write(tmp_path, as_module):
    models.mlp(tmp_path / "m.xml")
    code = "import tuner\ntuner.search('m.xml', budget=30)\n"
    done = run_script(tmp_path, code, *(("-m", "script") if as_module else ()))
    assert told_the_lines_to_write(done), done.stderr
    assert not (tmp_path / "reports").exists()


VERIFY = "import tuner; tuner.verify('config.yaml', budget=12)"


@pytest.fixture
def with_advice(tmp_path):
    """A folder with a model and advice for it."""
    advice = advice_of(models.mlp(tmp_path / "m.xml"), batch=2, requests=2)
    written(advice, tmp_path / "config.yaml")
    return tmp_path


@pytest.mark.slow
def test_so_is_verifying(with_advice):
    done = run_script(with_advice, VERIFY)
    assert told_the_lines_to_write(done, "tuner.verify"), done.stderr


SAYS = "import tuner; print(tuner.verify('config.yaml', budget=3).now is not None, globals().get('__file__'))"


@pytest.mark.parametrize(
    ("command", "given", "file"),
    [
        pytest.param(["-"], SAYS, "<stdin>", marks=pytest.mark.slow),
        pytest.param(["script.py"], "", "script.py", marks=pytest.mark.slow),
        pytest.param(["-c", SAYS], "", "None", marks=pytest.mark.slow),
        pytest.param(["-i", "-c", SAYS], "", "None", marks=pytest.mark.slow),
    ],
    ids=["standard input", "removed", "command", "interactive"],
)
def test_a_script_that_is_no_file_needs_no_guard(with_advice, command, given, file):
    done = run_script(with_advice, f"import os; os.remove(__file__)\n{SAYS}", *command, given=given)
    told, _, name = done.stdout.rpartition(" ")
    assert (told, Path(name.strip()).name) == ("True", file), done.stderr


@pytest.mark.slow
def test_a_process_of_the_scripts_own_is_told_too(tmp_path):
    code = """
import multiprocessing, sys, tuner
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    process.join()
    sys.exit(process.exitcode)
tuner.search("m.xml")
"""
    assert told_the_lines_to_write(run_script(tmp_path, code))
