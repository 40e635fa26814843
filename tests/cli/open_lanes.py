"""Opens real lanes over several devices and prints what each was compiled to; started by `test_devices.py`."""

import json
import sys
from contextlib import closing

from tuner.domain.configuration import Configuration
from tuner.errors import LaneError
from tuner.measure.lane import require_all_devices
from tuner.measure.process import ProcessLanes
from tuner.probe.inputs import make_pool
from tuner.probe.model import read_model


def found_of(lanes, configuration):
    try:
        with closing(lanes.open(configuration)) as lane:
            require_all_devices(configuration, lane)
            lane.window(0.05)
            effective = lane.facts.effective
            return {"devices": effective.devices, "streams": [member.streams for member in effective.members]}
    except LaneError as error:
        return {"error": str(error)}


def main():
    path, _, plugins = sys.argv[1:]
    (model,) = read_model(path).batched
    lanes, found = ProcessLanes(model, make_pool(model, {}, 0), plugins=plugins), {}
    for kind, hint in (("MULTI", "THROUGHPUT"), ("AUTO", "CUMULATIVE_THROUGHPUT")):
        for word, own in (("", {"NUM_STREAMS": 1}), (", a member fails", {"NUM_STREAMS": "nonsense"})):
            properties = {
                "PERFORMANCE_HINT": hint,
                "DEVICE_PROPERTIES": {"EMU": own, "CPU": {"NUM_STREAMS": 2}},
            }
            asked = Configuration.of(f"{kind}:EMU,CPU", properties, 1, 6)
            found[kind + word] = found_of(lanes, asked)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
