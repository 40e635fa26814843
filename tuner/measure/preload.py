"""What the fork server imports before it forks lanes: everything that a lane imports.

Importing OpenVINO starts its telemetry: a thread and a process that connect to the network. A process
that forks must have no threads, and nothing else may run beside a lane. So in the fork server the
telemetry package cannot be imported, a case for which OpenVINO has a stub. The process that the user
started is not changed.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import tuner.measure.worker  # noqa: E402, F401
