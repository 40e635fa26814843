"""Scripts that call a search where they are imported, not only where they are run.

A lane's process imports the script that started it, as every process of `multiprocessing` does that is not
forked from it. Without `if __name__ == "__main__":` in the script, the lane would begin the search again, and
wait for its own parent. It ends with an exit code of its own instead, by which the parent knows.
"""

from __future__ import annotations

import os
from multiprocessing import process

from tuner.errors import UsageError

LANE_NAME = "openvino-tuner lane"
"""Name of a lane's process; it has the name before it imports the script."""

UNGUARDED = 86
"""Exit code of a lane whose script begins a search when it is imported; nothing else ends with it."""

SENTENCE = """\
Lanes are processes that import this script again, so it may search or verify only where it is run; write

if __name__ == "__main__":
    tuner.search(...)"""


def refuse_while_imported() -> None:
    """End a lane that is about to search while it imports the script; call it before anything else.

    Raises:
        UsageError: A process that is no lane imports the script.
    """
    ours = process.current_process()
    if not getattr(ours, "_inheriting", False):
        return
    if ours.name == LANE_NAME:
        os._exit(UNGUARDED)
    raise UsageError(SENTENCE)
