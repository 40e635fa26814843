"""How often does a search find a gain where there is none, for two processes, and under a quota of CPU time?

As `false_wins`: real searches in which every lane runs the hint itself, whatever was asked for.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.evidence import Evidence, quiet_host, watched_host
from tests.benchmarks.false_wins import ALONE, search
from tests.benchmarks.models import MODELS
from tuner.domain.question import THROUGHPUT, Question
from tuner.measure.place import placed
from tuner.probe.devices import neighbouring_cores, quota_here

WRITABLE = frozenset({"INFERENCE_NUM_THREADS", "ENABLE_CPU_PINNING"})
PLACES: dict[str, tuple[Question, float | None]] = {
    "2 copies": (Question(copies=(2,)), None),
    "1 of 2 cores": (THROUGHPUT, 1.0),
}
"""The question and the quota of each place."""


def main() -> None:
    evidence = Evidence("false_wins_in_places")
    with quiet_host("false_wins_in_places"), tempfile.TemporaryDirectory() as folder:
        for place, (question, cores) in PLACES.items():
            for name in sys.argv[1:] or MODELS:
                item = f"{name}: {place}"
                if item in evidence.items:
                    continue
                with placed(cores=cores), watched_host() as sentinel:
                    facts = replace(ALONE, writable=WRITABLE, quota=quota_here(), cores=neighbouring_cores())
                    evidence.save(item, **search(name, Path(folder), 0, sentinel, question, facts))
                print(item, evidence.items[item]["sentence"], flush=True)


if __name__ == "__main__":
    main()
