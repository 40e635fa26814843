"""Scripts that call a search where they are imported, not only where they are run.

A lane's process imports the script that started it, as every process of `multiprocessing` does that is not
forked from it. Without `if __name__ == "__main__":` in the script, the lane would begin the search again, and
wait for its own parent. It ends with an exit code of its own instead, by which the parent knows.

A script that is no file, read from standard input, cannot be imported. Then lanes start as those of an
interactive session, which import no script.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import process
from pathlib import Path

from tuner.errors import UsageError

LANE_NAME = "openvino-tuner lane"
"""Name of a lane's process; it has the name before it imports the script."""

UNGUARDED: Mapping[int, str] = {
    86: "tuner.search",
    87: "tuner.verify",
    88: "tuner.fleet",
    89: "tuner.search_kinds",
}
"""Exit codes of a lane whose script calls a function when it is imported; nothing else ends with them."""


def unguarded(function: str) -> UsageError:
    """Return the error for a script that calls a function when it is imported, with the lines to write."""
    return UsageError(
        f"The search starts processes that import this script again. Call {function} only under this line:\n"
        f'\nif __name__ == "__main__":\n    {function}(...)'
    )


def refuse_while_imported(function: str) -> None:
    """End a lane that is about to call a function while it imports the script; call it before anything else.

    Raises:
        UsageError: A process that is no lane imports the script.
    """
    ours = process.current_process()
    if not getattr(ours, "_inheriting", False):
        return
    if ours.name == LANE_NAME:
        os._exit(next(code for code, called in UNGUARDED.items() if called == function))
    raise unguarded(function)


@contextmanager
def importable_script() -> Iterator[None]:
    """Let lanes start also where the script is no file: from standard input, or removed since it began.

    `multiprocessing` has each process import the file that `__main__` names; meanwhile it names none.
    """
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if file is None or Path(file).exists():
        yield
        return
    main.__file__ = None
    try:
        yield
    finally:
        main.__file__ = file
