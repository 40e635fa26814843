"""The fork server: which of its children heed Ctrl-C and a terminal that closes."""

import subprocess
import sys

import pytest

from tuner.measure.guard import LANE_NAME

SCRIPT = """
import multiprocessing, signal, sys

def report():
    print([signal.getsignal(number) is signal.SIG_IGN for number in (signal.SIGINT, signal.SIGHUP)], flush=True)

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tuner.measure.preload"])
    child = context.Process(target=report, name=sys.argv[1])
    child.start()
    child.join()
"""


@pytest.mark.parametrize(
    ("name", "ignored"), [(LANE_NAME, "[True, True]"), ("a child of the application", "[False, False]")]
)
def test_lanes_ignore_what_a_terminal_sends_from_their_birth_on_and_others_do_not(tmp_path, name, ignored):
    """Before a lane runs anything of its own, as Ctrl-C may come at any moment."""
    script = tmp_path / "application.py"
    script.write_text(SCRIPT)
    found = subprocess.run([sys.executable, str(script), name], capture_output=True, text=True, timeout=60)
    assert (found.stdout.strip(), found.stderr) == (ignored, "")
