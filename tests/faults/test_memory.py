"""Memory: a search of hundreds of trials holds no more at its end than at its beginning, but for its trials."""

import gc
import re
import threading
from contextlib import closing

import psutil
import pytest

from tests import models
from tests.advice.advice_of import HOST
from tests.lanes.simulated import SimulatedDevice, SimulatedLanes
from tests.measure.test_lanes import lanes_of
from tests.simulation import MODEL, simulate
from tuner.domain.configuration import Configuration
from tuner.domain.space import Bounds
from tuner.study.storage import Study
from tuner.tuning.progress import TrialEnded
from tuner.tuning.remarks import measurement_notices

A_TRIAL = 64 * 2**10
"""Bytes that a trial may take: its rounds, and what the sampler keeps of it."""


def test_a_search_stays_as_large_as_it_was(tmp_path):
    """In short what `test_long_search.py` shows with 500 trials."""
    trials, process, held = 40, psutil.Process(), []

    def look(event):
        if isinstance(event, TrialEnded) and event.trial.number % 10 == 0:
            gc.collect()
            held.append((process.memory_info().rss, process.num_fds(), threading.active_count()))

    bounds = Bounds(batch=tuple(range(1, 65)))
    with closing(Study(tmp_path / "study.db", MODEL, HOST, "CPU")) as study:
        lanes = SimulatedLanes(SimulatedDevice(base_fps=100_000))
        found = simulate(lanes=lanes, bounds=bounds, budget_s=100_000, trials=trials, store=study, tell=look)
        assert len(study.trials()) == len(found.trials) == trials + 1
    memory, files, threads = zip(*held[1:], strict=True)
    assert memory[-1] - memory[0] < A_TRIAL * trials
    assert len(set(threads)) == 1
    assert max(files) - min(files) <= 1
    assert not any(lane.alive() for lane in lanes.lanes)


def in_flight(configuration):
    return configuration.batch * configuration.requests


@pytest.mark.parametrize("item_mb", [1.0, 3.0])
def test_a_batch_that_does_not_fit_is_never_started(item_mb):
    """A simulated lane takes 100 MiB, and one more for each item in flight; 225 of 250 may be used."""
    lanes = SimulatedLanes(SimulatedDevice(base_fps=20_000))
    found = simulate(lanes=lanes, budget_s=300, item_mb=item_mb, available_mb=250)
    started = [in_flight(configuration) for configuration in lanes.opened]
    assert max(started) <= 125
    assert max(started) == 96, "what fits is tried"
    (notice,) = (notice for notice in measurement_notices(found) if notice.code == "memory")
    assert re.fullmatch(
        r"\d+ configurations were not tried for want of memory: .* would take about \d+ MiB, and 225 MiB may be "
        r"used here\.",
        notice.text,
    )


def test_where_there_is_enough_memory_everything_is_tried_as_before():
    assert simulate(seed=3, item_mb=1.0, available_mb=4096) == simulate(seed=3)


def test_a_final_holds_no_more_lanes_than_fit_together():
    """Every lane takes 102 MiB or more, and 360 may be used: the hint and one or two finalists, not three."""
    most = []

    class Counted(SimulatedLanes):
        def open(self, configuration):
            lane = super().open(configuration)
            alive = [each for each in self.lanes if each.alive()]
            if len(alive) > 2:  # more than a trial and the hint beside it
                most.append(sum(each.window(0).memory_mb for each in alive))
            return lane

    def finalists(available_mb):
        most.clear()
        lanes = Counted(SimulatedDevice(base_fps=20_000))
        return len(simulate(lanes=lanes, seed=1, budget_s=120, available_mb=available_mb).final.finalists)

    assert finalists(4000) == 3
    assert max(most) > 360
    assert finalists(400) in {1, 2}
    assert max(most, default=0) <= 360


def test_where_nothing_else_fits_that_is_the_reason():
    found = simulate(
        SimulatedDevice(base_fps=20_000), bounds=Bounds(batch=(64,)), item_mb=1.0, available_mb=130
    )
    assert found.outcome.verdict.kind == "inconclusive"
    assert "not tried for want of memory" in found.outcome.verdict.why


@pytest.mark.alone
@pytest.mark.slow
def test_lanes_leave_no_process_file_or_thread_behind(tmp_path):
    process, held = psutil.Process(), []
    lanes = lanes_of(models.mlp(tmp_path / "m.xml"))
    for number in range(10):
        batch = 1 + number % 8
        opened = lanes.open_all(
            [Configuration.of("CPU", {"NUM_STREAMS": 1}, batch, requests) for requests in (1, 2)]
        )
        for lane in opened:
            lane.window(0.01)
            lane.close()
        gc.collect()
        held.append((len(process.children(recursive=True)), process.num_fds(), threading.active_count()))
    assert set(held[2:]) == {held[2]}
