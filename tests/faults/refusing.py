"""What a program may do with damaged input: work, or refuse it in one sentence, and soon."""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from tuner.errors import TunerError

SOON_S = 5.0
"""Processor seconds that nothing may take; what stalls takes minutes, what works some tenths of a second."""


@contextmanager
def worked_or_refused(one_line: bool = True) -> Iterator[None]:
    """Let a documented error of one line pass; fail if it took long. An error may quote several lines."""
    began_s, refusal = time.process_time(), None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except TunerError as error:
        refusal = str(error)
    assert refusal is None or (refusal.strip() and not ("\n" in refusal and one_line)), refusal
    assert time.process_time() - began_s < SOON_S
