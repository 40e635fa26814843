"""The command, in a process of its own or in this one."""

import subprocess
import sys

from tuner.cli.app import main

SHORT = ["--budget", "5s", "--trials", "2"]


def run(*arguments, **options):
    command = [sys.executable, "-m", "tuner", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)


def complain(capsys, *arguments):
    """Run a command that is refused in this process; return its exit code and its sentence."""
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    assert "Traceback" not in captured.err
    return code, captured.err
