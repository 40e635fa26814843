"""Stand-ins for searches in processes of their own: they meet by a pipe, die, or wait until they are stopped."""

import os
import signal

from tuner.errors import Interrupted, ModelError
from tuner.measure.interrupt import interruptible

LONGEST_S = 60


def meet(pair, observer):
    """End once the one search of the kind b and each of the kind a have met, one after the other."""
    signal.alarm(LONGEST_S)
    for model in pair.model if pair.kind == "a" else "mn":
        with open(pair.path.with_suffix(f".{model}"), "w" if pair.kind == "a" else "r"):  # noqa: PTH123
            pass
    raise ModelError(f"{pair.kind} met")


def die(pair, observer):
    """Die, if the pair is of the kind a and the first of it."""
    if str(pair) == "m, throughput, a":
        os._exit(9)
    raise ModelError("not dead")


def wait_to_be_stopped(pair, observer):
    """Let the program that started this be stopped, once both kinds are here, and then wait for it."""
    with interruptible() as stopped:
        signal.alarm(LONGEST_S)
        way = "r" if pair.kind == "a" else "w"
        with open(pair.path.with_suffix(".m"), way):  # noqa: PTH123
            pass
        if pair.kind == "a":
            os.kill(os.getppid(), signal.SIGTERM)
        while not stopped():
            signal.sigtimedwait([signal.SIGUSR1], 0.05)
        raise Interrupted("stopped as asked")
