"""The boundary: the highest rate of arrivals at which a lane holds a limit of its latency."""

import math
import random
from statistics import median

import numpy as np
import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tests.lanes.virtual_server import VirtualServer
from tuner.domain.configuration import Configuration
from tuner.domain.limit import Limit
from tuner.domain.load import Load
from tuner.domain.question import Question
from tuner.domain.sample import Window
from tuner.measure.boundary import CLOSE, Boundary, Probed, _lateness_around, boundary_of, next_rate
from tuner.measure.comparison import Comparison
from tuner.measure.lane import LoadError
from tuner.measure.open_loop import serve_arrivals

LIMIT = Limit("p99", 50.0)
SERVICE_S = 0.01


class OneStream(SimulatedDevice):
    """A stream that takes 10 ms an item; asked for two, they take 8 ms each."""

    def fps(self, effective):
        return effective.streams / (SERVICE_S if effective.streams == 1 else 0.8 * SERVICE_S)


def lanes_of(noise=QUIET, **options):
    return SimulatedLanes(OneStream(cores=2, **options), noise)


def lane_of(lanes, streams=1, requests=4):
    return lanes.open(Configuration.of("CPU", {"NUM_STREAMS": streams}, 1, requests))


def boundary_in_the_long_run(service_s=SERVICE_S, limit_ms=50.0):
    """Return the rate at which the p99 of 200,000 items crosses the limit, one stream."""
    low, high = 0.1 / service_s, 1 / service_s
    for _ in range(12):
        rate = math.sqrt(low * high)
        served = serve_arrivals(VirtualServer(1, service_s), Load(rate, 7).items(0, 200_000))
        low, high = (rate, high) if np.percentile(served.latencies_ms, 99) <= limit_ms else (low, rate)
    return low


def window(boundary, lane, number=0):
    return boundary.window(lane, number)


def warm(boundary, *lanes):
    for lane in lanes:
        boundary.warm_up(lane)


@pytest.mark.slow
def test_long_windows_have_the_boundary_of_the_long_run_and_short_ones_a_higher_one():
    """Few items have a low percentile, more so from an empty queue on."""
    truth = boundary_in_the_long_run()

    def median_of(stretch, windows):
        lanes = lanes_of()
        lane = lane_of(lanes)
        boundary = Boundary([LIMIT], lanes.now, stretch=stretch)
        warm(boundary, lane)
        return median(window(boundary, lane, number).rate_fps for number in range(windows))

    assert median_of(20, 20) == pytest.approx(truth, rel=0.04)
    assert 1.02 * truth < median_of(1, 60) < 1.2 * truth


def test_lanes_of_a_round_have_the_same_arrivals_so_their_ratio_is_exact():
    lanes = lanes_of()
    slow, fast = lane_of(lanes), lanes.open(Configuration.of("CPU", {"NUM_STREAMS": 1}, 1, 8))
    slower, faster = Boundary([LIMIT], lanes.now), Boundary([LIMIT], lanes.now)
    warm(slower, slow)
    warm(faster, fast)
    for number in range(5):
        assert window(slower, slow, number).rate_fps == pytest.approx(
            window(faster, fast, number).rate_fps, rel=1e-9
        )
    apart = Load(100.0).items(3, 10).times_s
    assert Load(200.0).items(3, 10).times_s == pytest.approx([time / 2 for time in apart])


def test_latencies_are_those_just_below_the_boundary():
    lanes = lanes_of()
    lane = lane_of(lanes)
    boundary = Boundary([LIMIT], lanes.now)
    warm(boundary, lane)
    found = window(boundary, lane)
    below = [probe for probe in found.probes if probe.rate_fps <= found.rate_fps]
    nearest = max(below, key=lambda probe: probe.rate_fps)
    assert np.percentile(found.latencies_ms, 99, method="weibull") == pytest.approx(nearest.latency_ms)
    assert nearest.latency_ms <= 50.0
    above = min(probe.rate_fps for probe in found.probes if probe.rate_fps > found.rate_fps)
    assert above <= CLOSE * nearest.rate_fps


def test_further_windows_begin_where_those_before_them_ended():
    lanes = lanes_of()
    lane = lane_of(lanes)
    boundary = Boundary([LIMIT], lanes.now)
    warm(boundary, lane)
    found = [window(boundary, lane, number) for number in range(3)]
    assert found[0].probes[0].rate_fps == pytest.approx(0.6 * 100)
    assert found[1].probes[0].rate_fps == found[0].rate_fps
    assert found[2].probes[0].rate_fps == pytest.approx(median([found[0].rate_fps, found[1].rate_fps]))


def test_what_does_not_hold_what_it_has_to_reach_is_given_up_after_one_probe(monkeypatch):
    lanes = lanes_of()
    lane, probes = lane_of(lanes), []
    real = type(lane).open_loop
    monkeypatch.setattr(
        type(lane),
        "open_loop",
        lambda self, arrivals: (probes.append(arrivals.rate), real(self, arrivals))[1],
    )
    boundary = Boundary([LIMIT], lanes.now)
    warm(boundary, lane)
    with pytest.raises(
        LoadError, match=r"cannot hold p99 latency <= 50 ms at 94.5 items/s, 90 % of what the best"
    ):
        boundary.window(lane, 0, 94.5)
    assert probes == [94.5]
    found = boundary.window(lane, 0, 45.0)
    assert found.probes[0].rate_fps == 45.0
    assert found.rate_fps > 45.0


def test_a_candidate_has_to_come_near_the_best_beside_the_baseline_of_the_same_round():
    lanes = lanes_of()
    pair = [lane_of(lanes, 1, 4), lane_of(lanes, 1, 8)]  # the same speed
    question = Question.asked("rate", [LIMIT])

    def play(best_ratio):
        comparison = Comparison(
            pair, random.Random(0), lanes.now, question=question, start_fps=50.0, best_ratio=best_ratio
        )
        comparison.warm_up(first=1)
        return comparison.play()

    assert play(1.05).log_ratio() == pytest.approx(0.0, abs=0.01)
    with pytest.raises(LoadError, match="90 % of what the best would hold now"):
        play(1.5)
    assert not pair[1].alive()
    assert pair[0].alive()


def test_a_limit_that_an_item_alone_breaks_holds_at_no_rate():
    lanes = lanes_of()
    lane = lane_of(lanes)
    boundary = Boundary([Limit("p99", 9.0)], lanes.now)
    warm(boundary, lane)
    with pytest.raises(LoadError, match="cannot hold p99 latency <= 9 ms at any rate that was tried"):
        window(boundary, lane)


def test_of_several_limits_the_strictest_tells():
    lanes = lanes_of()
    lane = lane_of(lanes)
    alone, both = Boundary([LIMIT], lanes.now), Boundary([LIMIT, Limit("p50", 12.0)], lanes.now)
    warm(alone, lane)
    warm(both, lane)
    assert window(both, lane).rate_fps < 0.95 * window(alone, lane).rate_fps


def probes(*pairs):
    return [Probed(rate, excess) for rate, excess in pairs]


def test_rates_are_bracketed():
    assert next_rate(probes((100, -0.5)), 1.25) == pytest.approx(125)
    assert next_rate(probes((100, -0.5), (125, -0.1)), 1.25) == pytest.approx(125 * 1.25**2)
    assert next_rate(probes((100, 0.5)), 1.25) == pytest.approx(80)
    assert next_rate(probes((100, -0.5), (144, math.inf)), 1.25) == pytest.approx(120)
    assert next_rate(probes((100, -0.5), (109, 0.1)), 1.25) is None
    assert next_rate(probes((100, 0.5), (109, -0.1)), 1.25) is None  # noise: the fit decides


def test_the_fit_is_monotone():
    assert boundary_of(probes((100, -0.1), (121, 0.1))) == pytest.approx(110)
    assert boundary_of(probes((100, -0.3), (110, 0.1), (121, -0.1), (144, 0.4))) == pytest.approx(121)
    assert boundary_of(probes((100, -0.3), (120, -0.1))) == pytest.approx(120)
    assert boundary_of(probes((100, 0.3), (120, 0.1))) is None
    of_overload = boundary_of(probes((100, -0.1), (121, math.inf)))
    assert 100 < of_overload < 102


def test_what_is_beyond_what_a_lane_serves_is_not_tried():
    """A short window would hold it: with a limit of half a second the queue has no time to grow."""
    for batch in (1, 16):
        lanes = lanes_of()
        lane = lanes.open(Configuration.of("CPU", {"NUM_STREAMS": 1}, batch, 4))
        boundary = Boundary([Limit("p99", 2000.0)], lanes.now)
        warm(boundary, lane)
        assert window(boundary, lane).rate_fps <= 1.1 / SERVICE_S


def test_a_lane_that_breaks_the_limit_by_itself_is_given_up_soon():
    lanes = lanes_of()
    lane = lane_of(lanes)
    boundary = Boundary([Limit("p99", 9.0)], lanes.now)
    warm(boundary, lane)
    began = lanes.now()
    with pytest.raises(LoadError):
        window(boundary, lane)
    assert lanes.now() - began < 60.0


def test_a_round_is_late_where_a_probe_that_tells_the_boundary_was():
    def probed(rate, excess, late_ms):
        return Probed(rate, excess, Window(rate, (1.0,), 1.0, 1.0, late_ms=late_ms))

    tried = [probed(50, -1.0, 9.0), probed(90, -0.1, 0.1), probed(98, 0.1, 3.0), probed(150, 1.0, 9.0)]
    assert _lateness_around(95.0, tried) == 3.0
    assert _lateness_around(95.0, tried[:2]) == 0.1
    assert _lateness_around(95.0, [Probed(90, -0.1), Probed(98, math.inf)]) is None
