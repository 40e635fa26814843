"""A search of 500 trials holds no more than one of 100: memory, open files, threads."""

import threading

import psutil
import pytest

from tests.lanes.simulated import SimulatedDevice
from tests.simulation import MODEL, simulate
from tuner.domain.host import Host
from tuner.domain.space import Bounds
from tuner.study.storage import Study
from tuner.tuning.progress import TrialEnded

HOST = Host("a processor", 8, 16_000, "an OS", "2026.0", {"CPU": "a processor"})
MANY = Bounds(batch=tuple(range(1, 13)), requests=tuple(range(1, 25)))


@pytest.mark.slow
def test_five_hundred_trials_hold_no_more_than_a_hundred(tmp_path):
    process, held = psutil.Process(), []

    def look(event):
        if isinstance(event, TrialEnded) and event.trial.number % 50 == 0:
            held.append((process.memory_info().rss, process.num_fds(), threading.active_count()))

    study = Study(tmp_path / "study.db", MODEL, HOST, "CPU")
    simulate(SimulatedDevice(cores=8), store=study, trials=500, budget_s=1e6, bounds=MANY, tell=look)
    study.close()
    assert len(held) == 10
    memory, files, threads = zip(*held[2:], strict=True)
    assert memory[-1] - memory[0] < 24 * 2**20
    assert len(set(files)) == len(set(threads)) == 1
