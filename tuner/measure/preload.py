"""What the fork server imports before it forks lanes: everything that a lane imports.

Importing OpenVINO starts its telemetry: a thread and a process that connect to the network. A process
that forks must have no threads, and nothing else may run beside a lane. So in the fork server the
telemetry package cannot be imported, a case for which OpenVINO has a stub. The process that the user
started is not changed.

A terminal that closes sends SIGHUP to every process in it. The fork server leaves that to the process that
the user started, which ends it. An application has one fork server for all: its own children do not ignore
SIGHUP.

A process that is killed while it starts a child leaves a child that never hears what to run. That is no
error of the child: it ends without a traceback on the terminal.
"""

import os
import pickle
import signal
import sys
import traceback
from multiprocessing import spawn
from types import TracebackType

HANG_UP = signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGHUP, HANG_UP))


def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a child's traceback, unless what it was to run did not come."""
    places = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(trace)]
    unsent = isinstance(error, (EOFError, pickle.UnpicklingError)) and places[-1] == spawn.__file__
    if not unsent:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = report
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import tuner.measure.worker  # noqa: E402, F401
