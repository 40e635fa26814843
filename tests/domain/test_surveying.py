"""Which configurations may still be faster than the hint, by their own rounds or by the trend of the others."""

import math
import random

import pytest

from tests.benchmarks.trend import left_out
from tests.benchmarks.wrong_keeps import LANDSCAPES, recording_of
from tests.lanes.simulated import SimulatedDevice
from tests.simulation import space_of
from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.sample import Round
from tuner.domain.space import HINT
from tuner.domain.stats import Speedup, speedup
from tuner.domain.surveying import survey
from tuner.domain.trend import Observation, Trend
from tuner.domain.trial import Trial

DEVICE = SimulatedDevice()
SPACE = space_of(DEVICE)
BASELINE = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)


def trial(number, configuration, log_ratio, noise=0.01, rounds=6, state="measured"):
    if configuration == BASELINE:
        same = Speedup(1.0, 1.0, 1.0, 0.95, 0)
        return Trial(number, BASELINE, state, effective=DEVICE.effective(BASELINE), speedup=same)
    rng = random.Random(number)
    played = tuple(
        Round((100.0, 100 * math.exp(rng.gauss(log_ratio, noise))), (0, 1), 0.0) for _ in range(rounds)
    )
    gain = speedup([each.log_ratio() for each in played])
    return Trial(number, configuration, state, played, DEVICE.effective(configuration), gain)


def history(log_ratio, count=None, noise=0.01):
    """Trials of so many points of the space, of each program once, with this log-ratio to the hint."""
    known, seen = [trial(0, BASELINE, 0.0)], {DEVICE.effective(BASELINE)}
    for point in SPACE.points():
        configuration = SPACE.configuration(point)
        if DEVICE.effective(configuration) not in seen and (count is None or len(known) <= count):
            seen.add(DEVICE.effective(configuration))
            known.append(trial(len(known), configuration, log_ratio, noise))
    return History(known)


def test_what_was_measured_exactly_and_is_no_faster_is_ruled_out():
    found = survey(history(-0.06), [SPACE])
    assert (found.points, found.doubtful, found.gains) == (63, (), False)
    same_as_the_hint = Configuration.of("CPU", {"NUM_STREAMS": 2}, 1, 2)
    assert set(found.unmeasured) <= {same_as_the_hint}  # nobody knows before it was compiled once


def test_a_measured_configuration_that_may_be_faster_is_doubtful():
    assert survey(history(0.02), [SPACE]).doubtful
    noisy = survey(history(-0.01, noise=0.15), [SPACE])
    assert noisy.doubtful


def test_what_was_not_measured_is_open_until_its_neighbours_rule_it_out():
    few, many = (survey(history(-0.15, count), [SPACE]) for count in (2, 20))
    assert len(few.unmeasured) > 30
    assert len(many.unmeasured) < len(few.unmeasured) / 2


def test_what_cannot_run_is_no_candidate():
    found = survey(history(-0.15, 2), [SPACE], impossible=lambda _: True)
    assert not found.unmeasured


def test_a_trial_that_says_nothing_leaves_its_configuration_open():
    known = history(-0.1, 3)
    gone = SPACE.configuration({"streams": HINT, "batch": 64, "requests_per_stream": 4})
    known.add(Trial(99, gone, "failed", reason="gone"))
    assert gone not in survey(known, [SPACE]).unmeasured
    assert gone in survey(known, [SPACE], forgotten={99}).unmeasured


def test_measuring_again_makes_a_doubtful_configuration_sure():
    known = history(-0.02, noise=0.12)
    (doubtful, *_) = survey(known, [SPACE]).doubtful
    before = next(each for each in known.trials if each.configuration == doubtful)
    for number in range(100, 140):
        known.add(trial(number, doubtful, -0.02, noise=0.01))
    assert doubtful not in survey(known, [SPACE]).doubtful
    assert [each for each in known.measured() if each.effective == before.effective] == [known.trials[-1]]


@pytest.mark.parametrize("landscape", ["as recorded", "mirrored, nothing gains", "flat but for 6 %"])
def test_bounds_on_what_was_left_out_hold_on_recordings(landscape):
    counts = {"points": 0, "held": 0, "gains": 0, "missed": 0}
    for name in ("squeezenet", "resnet50", "transformer", "recurrent"):
        for seed in range(5):
            found = left_out(LANDSCAPES[landscape](recording_of(name), seed), 20, seed)
            counts = {what: number + found[what] for what, number in counts.items()}
    assert counts["held"] >= 0.9 * counts["points"]
    assert counts["missed"] <= 0.02 * max(counts["gains"], 1)


def test_without_observations_nothing_is_ruled_out():
    points = list(SPACE.points())
    bounds = Trend(SPACE.axes, [Observation(points[0], 0.0, 0.0)]).upper_bounds(points[1:])
    assert min(bounds) > 0.03
