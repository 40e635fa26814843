"""What the fork server imports before it forks lanes: everything that a lane imports.

Importing OpenVINO starts its telemetry: a thread and a process that connect to the network. A process
that forks must have no threads, and nothing else may run beside a lane. So in the fork server the
telemetry package cannot be imported, a case for which OpenVINO has a stub. The process that the user
started is not changed.

A terminal that closes sends SIGHUP to every process in it. The fork server leaves that to the process that
the user started, which ends it. An application has one fork server for all: its own children do not ignore
SIGHUP.
"""

import os
import signal
import sys

HANG_UP = signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGHUP, HANG_UP))
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import tuner.measure.worker  # noqa: E402, F401
