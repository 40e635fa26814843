"""The command in a process of its own."""

import subprocess
import sys

SHORT = ["--budget", "5s", "--trials", "2"]


def run(*arguments, **options):
    command = [sys.executable, "-m", "tuner", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)
