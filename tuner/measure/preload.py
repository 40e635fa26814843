"""What the fork server imports before it forks lanes: everything that a lane imports.

Importing OpenVINO starts its telemetry: a thread and a process that connect to the network. A process
that forks must have no threads, and nothing else may run beside a lane. So in the fork server the
telemetry package cannot be imported, a case for which OpenVINO has a stub. The process that the user
started is not changed.

Ctrl-C, and a terminal that closes, send a signal to every process of the terminal. The fork server and the
lanes leave that to the process that the user started, which ends them. A lane ignores it from its birth on,
before it knows what to run. An application has one fork server for all: its own children ignore neither.

A process that is killed while it starts a child leaves a child that never hears what to run. That is no
error of the child: it ends without a traceback on the terminal.
"""

import multiprocessing
import multiprocessing.util
import pickle
import signal
import sys
import traceback
from multiprocessing import spawn
from types import ModuleType, TracebackType

from tuner.measure.guard import LANE_NAME

BEFORE = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}


def heed_signals(_module: ModuleType) -> None:
    """Let a child of the application heed the signals again that its fork server ignores."""
    if multiprocessing.current_process().name != LANE_NAME:
        for number, handler in BEFORE.items():
            signal.signal(number, handler)


multiprocessing.util.register_after_fork(sys.modules[__name__], heed_signals)


def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a child's traceback, unless what it was to run did not come."""
    places = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(trace)]
    unsent = isinstance(error, (EOFError, pickle.UnpicklingError)) and places[-1] == spawn.__file__
    if not unsent:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = report
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import tuner.measure.worker  # noqa: E402, F401
