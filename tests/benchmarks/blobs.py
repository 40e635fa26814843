"""Would compiled models that are kept ("blobs") make the sittings of a processor's final shorter?

A GPU's lanes load them. Here a processor's lanes do, too: the two lanes of a sitting are opened as the tuner opens them,
and from blobs, in turns.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median

from tests.benchmarks.evidence import HINT, Evidence, configuration, lanes_of, quiet_host
from tests.benchmarks.models import MODELS
from tuner.errors import LaneError
from tuner.measure.blobs import Blobs
from tuner.measure.lane import Lane
from tuner.measure.process import ProcessLanes
from tuner.measure.time_limits import Limits
from tuner.probe.inputs import make_pool

TIMES = 7
PAIR = (configuration(HINT, 1, 2), configuration({"NUM_STREAMS": 1}, 4, 2))


def measure(name: str, folder: Path) -> dict[str, object]:
    """Return the medians of opening a pair, and what writing its blobs took."""
    model, lanes = lanes_of(name, folder)
    with closing(Blobs(frozenset({"CPU"}))) as blobs:
        loading = ProcessLanes(model, make_pool(model, {}, 0), Limits(480.0), blobs=blobs)
        writing_s = timed(lambda: loading.open_all(PAIR))
        pairs = [
            (timed(lambda: lanes.open_all(PAIR)), timed(lambda: loading.open_all(PAIR))) for _ in range(TIMES)
        ]
    compiled_s, loaded_s = (median(times) for times in zip(*pairs, strict=True))
    found = {"compiled_s": compiled_s, "loaded_s": loaded_s, "writing_s": writing_s}
    return {way: round(seconds, 3) for way, seconds in found.items()}


def timed(opening: Callable[[], Sequence[Lane | LaneError]]) -> float:
    """Open lanes, close them, and return the seconds until the last was ready."""
    began_s = time.perf_counter()
    opened = opening()
    took_s = time.perf_counter() - began_s
    for lane in opened:
        if isinstance(lane, LaneError):
            raise lane
        lane.close()
    return took_s


def main() -> None:
    evidence = Evidence("blobs")
    with quiet_host("blobs"), tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            if name not in evidence.items:
                evidence.save(name, **measure(name, Path(folder)))
                print(name, evidence.items[name], flush=True)


if __name__ == "__main__":
    main()
