"""Real copies: several processes of one configuration whose windows run at the same time."""

import os
import signal
import threading
from contextlib import closing
from dataclasses import replace

import psutil
import pytest

from tests import models
from tests.measure.test_lanes import LaneContract, lanes_of
from tuner.domain.configuration import Configuration
from tuner.domain.load import Load
from tuner.errors import LaneError
from tuner.measure.lane import ASK_DEVICE, LoadError
from tuner.measure.together import Copy
from tuner.probe.devices import own_cores

pytestmark = pytest.mark.alone

HINT = {"PERFORMANCE_HINT": "THROUGHPUT"}
CORES = own_cores()


def pair(**options):
    return Configuration.of("CPU", HINT, 1, ASK_DEVICE, copies=2, **options)


def pids(copies):
    return [lane._process.pid for lane in copies._lanes]


@pytest.fixture(scope="module")
def mlp(tmp_path_factory):
    return models.mlp(tmp_path_factory.mktemp("copies") / "m.xml")


def test_copies_are_measured_together(mlp):
    lanes = lanes_of(mlp)
    with closing(lanes.open(pair())) as both:
        window = both.window(0.2)
        assert len(window.copies_fps) == 2
        assert window.rate_fps == pytest.approx(sum(window.copies_fps))
        assert both.facts.effective.copies == 2
        assert window.memory_mb > max(each.facts.memory_mb for each in both._lanes)
        assert window.seconds >= 0.2
        assert len(set(pids(both))) == 2
    assert not any(map(psutil.pid_exists, pids(both)))


@pytest.mark.skipif(len(CORES) < 2, reason="needs two cores")
def test_each_copy_keeps_to_its_cores_and_compiles_for_them(mlp):
    own = ((CORES[0],), (CORES[1],))
    with closing(lanes_of(mlp).open(pair(slices=own))) as both:
        both.window(0.1)
        for pid, cores in zip(pids(both), own, strict=True):
            threads = [thread.id for thread in psutil.Process(pid).threads()]
            assert all(tuple(os.sched_getaffinity(thread)) == cores for thread in threads)
        assert both.facts.effective.slices == own
        assert both.facts.effective.threads == 1


def test_where_one_copy_dies_all_end(mlp):
    both = lanes_of(mlp).open(pair())
    first, second = pids(both)
    os.kill(second, signal.SIGKILL)
    with pytest.raises(LaneError, match="ended by SIGKILL"):
        both.window(0.1)
    assert not both.alive()
    psutil.wait_procs([psutil.Process(first)] if psutil.pid_exists(first) else [], timeout=10)
    assert not psutil.pid_exists(first)


def test_a_copy_goes_on_until_the_others_have_measured():
    first, second = (
        Copy(number, begun, measured) for begun, measured in [([0, 0], [0, 0])] for number in (0, 1)
    )
    waiting = threading.Thread(target=first.begin)
    waiting.start()
    assert not second.begun[1]
    second.begin()
    waiting.join()
    assert not first.all_measured()
    assert second.all_measured()
    assert first.all_measured()


def test_a_model_that_does_not_compile_in_a_copy_leaves_no_process(mlp):
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    wrong = Configuration.of("CPU", {"NO_SUCH_PROPERTY": "1"}, 1, 1, copies=3)
    with pytest.raises(LaneError):
        lanes_of(mlp).open(wrong)
    lanes = [
        child for child in psutil.Process().children(recursive=True)
        if child.pid not in before and "lane" in " ".join(child.cmdline())
    ]  # fmt: skip
    assert not lanes


class TestCopies(LaneContract):
    def test_items_that_arrive_are_served_as_they_come(self, opened):
        with pytest.raises(LoadError, match="copies take no arrivals"):
            opened.open_loop(Load(20.0).arrivals(0))

    def test_a_lane_that_cannot_follow_says_so_and_goes_on(self, opened):
        with pytest.raises(LoadError):
            opened.open_loop(Load(5e6).arrivals(0, 0.05))
        assert opened.window(0.02).rate_fps > 0

    @pytest.fixture
    def lanes(self, mlp):
        class OfTwo:
            def __init__(self, lanes):
                self._lanes = lanes

            def open(self, configuration):
                return self._lanes.open(replace(configuration, copies=2))

            def open_all(self, configurations):
                return self._lanes.open_all([replace(each, copies=2) for each in configurations])

        return OfTwo(lanes_of(mlp))
