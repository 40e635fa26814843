"""What the fork server loads before it forks lanes: all that a lane imports.

Importing OpenVINO starts its telemetry, a thread and a process that reach for the network. A
process that forks must have no threads, and nothing else may run beside a lane, so in the fork
server that import finds no telemetry package; OpenVINO has a stub for this case. The process that
the user started is left as it is.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import tuner.measure.worker  # noqa: E402, F401
