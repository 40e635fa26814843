"""Prints what is searched of a device's properties, and why not the rest; `make docs` writes `docs/properties.md`."""

import sys

from tuner.domain.properties import as_text
from tuner.domain.switches import NOT_SEARCHED, NOT_SEARCHED_ALONE, SWITCHES

HEAD = """# Properties

Made by `make docs` from `tuner/domain/switches.py`, which a test compares with what the CPU and GPU plugins of
OpenVINO 2026.4 list as writable.

Every target is searched over streams (`NUM_STREAMS`, or left to `PERFORMANCE_HINT`), batch and infer requests. For
devices in a combination, `INFERENCE_NUM_THREADS` without pinning is added. At the end of the search, a combination also
varies the order of its devices, `SCHEDULE_POLICY`, and requests for each device.

## Switches

*Early* switches are varied from the beginning, on machines where they can make a difference. *Late* switches are tried
one at a time around the best configuration, in the last part of the search, when time is left. The summary says which
were tried.

| property | values beside the default | when |
| --- | --- | --- |
"""
MIDDLE = """
## Writable, and not searched

| property | why |
| --- | --- |
"""


def reference() -> str:
    switches = (
        f"| `{switch.property}` | {', '.join(map(as_text, switch.values.values()))} | {'late' if switch.late else 'early'} |\n"
        for switch in SWITCHES.values()
    )
    rest = (f"| `{name}` | {why} |\n" for name, why in sorted(NOT_SEARCHED.items()))
    alone = (
        f"| `{name}` on a {device} alone | {why} |\n"
        for device, reasons in NOT_SEARCHED_ALONE.items()
        for name, why in reasons.items()
    )
    return "".join([HEAD, *switches, MIDDLE, *rest, *alone])


if __name__ == "__main__":
    sys.stdout.write(reference())
