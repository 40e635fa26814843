"""Refuses a compiled model in a process that was forked after it was compiled.

Its threads stay in the process that compiled it, so elsewhere no inference would ever end.
"""

from __future__ import annotations

import os
from typing import Any
from weakref import WeakKeyDictionary

import openvino as ov

from tuner.errors import AdviceError

_process_of: WeakKeyDictionary[ov.CompiledModel, int] = WeakKeyDictionary()

inherited: list[Any] = []
"""What came with a fork in the middle of an inference: kept, because destroying it would wait for the end."""


def is_own(compiled: ov.CompiledModel) -> bool:
    """Return whether this process compiled a model; a model that was not seen before counts as its own."""
    here = os.getpid()
    return _process_of.setdefault(compiled, here) == here


def require_own(compiled: ov.CompiledModel) -> None:
    """Make sure that this process compiled a model.

    Raises:
        AdviceError: The process was forked later.
    """
    if not is_own(compiled):
        raise AdviceError(
            "The model was compiled before this process was forked, and its threads did not come along; "
            "compile it in the process that uses it."
        )
