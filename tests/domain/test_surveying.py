"""Which configurations may still be faster than the hint, by their own rounds or by the trend of the others."""

import math
import random

import pytest

from tests.benchmarks.trend import left_out
from tests.benchmarks.wrong_keeps import LANDSCAPES, recording_of
from tests.lanes.simulated import SimulatedDevice
from tests.simulation import space_of
from tuner.domain.configuration import Configuration
from tuner.domain.device_space import device_space
from tuner.domain.history import History
from tuner.domain.sample import Round
from tuner.domain.space import HINT, Bounds, DeviceFacts
from tuner.domain.stats import Speedup, speedup
from tuner.domain.surveying import _estimates, _streams_of_the_hint, survey
from tuner.domain.trend import OWN, Observation, Trend
from tuner.domain.trial import Trial

DEVICE = SimulatedDevice()
SPACE = space_of(DEVICE)
SOME = [SPACE.configuration({"streams": 1, "batch": batch, "requests_per_stream": 1}) for batch in (2, 8, 32)]
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


def test_single_rounds_rule_nothing_out():
    """They do not tell how far rounds stray."""
    known = History(
        [trial(0, BASELINE, 0.0), *(trial(n, each, -0.2, rounds=1) for n, each in enumerate(SOME, 1))]
    )
    found = survey(known, [SPACE])
    assert len(found.doubtful) == len(SOME)
    assert len(found.unmeasured) > 40


def test_what_cannot_run_is_no_candidate():
    found = survey(history(-0.15, 2), [SPACE], impossible=lambda _: True)
    assert not found.unmeasured


def test_what_was_measured_and_no_longer_runs_is_not_tried_again():
    known = history(0.02)
    assert survey(known, [SPACE]).doubtful
    assert survey(known, [SPACE], impossible=lambda _: True).doubtful == ()
    (first, *_) = survey(known, [SPACE]).doubtful
    failed = Trial(len(known.trials), first, "failed", reason="the device is gone")
    assert first not in survey(History([*known.trials, failed]), [SPACE]).doubtful


def test_the_hint_is_not_taken_for_as_many_streams_without_hyper_threading():
    """With `NUM_STREAMS` and no hint, the plugin uses one thread of each core."""
    known, writable = history(-0.1, 2), frozenset({"NUM_STREAMS", "ENABLE_HYPER_THREADING"})
    without, with_both = (
        device_space(
            DeviceFacts("CPU", 4, writable, physical_cores=cores, logical_cores=4), 1, True, Bounds(), 2
        )
        for cores in (4, 2)
    )
    assert _streams_of_the_hint(known, without) == 2
    assert _streams_of_the_hint(known, with_both) == HINT


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


def test_where_all_others_are_flat_noise_explains_what_looks_fast():
    """The same rounds by themselves leave many of the configurations in doubt."""
    flat = history(-0.015, noise=0.04)
    alone = [effective for effective, found in _estimates(flat, 0.01, 0.04).items() if found.may_gain()]
    assert len(alone) >= 8
    assert len(survey(flat, [SPACE]).doubtful) <= 2


def test_a_single_gain_among_flat_ones_is_not_explained_away():
    fast = SPACE.configuration({"streams": 1, "batch": 8, "requests_per_stream": 2})
    others = [each for each in history(-0.015, noise=0.02).trials if each.effective != DEVICE.effective(fast)]
    found = survey(History([*others, trial(100, fast, 0.08, noise=0.02)]), [SPACE])
    assert found.doubtful == (fast,)


def test_a_point_far_above_what_the_others_predict_stands_for_itself():
    points, rng = [point for point in SPACE.points() if point["streams"] != HINT], random.Random(0)
    seen = [Observation(point, rng.gauss(-0.015, 0.015), 0.02**2) for point in points[1:]]
    hint, usual, fast = Observation(points[0], 0.0, 0.0), seen.pop(), seen.pop()
    gains = Observation(fast.point, 0.1, fast.variance)
    *_, alone, drawn = Trend(SPACE.axes, [hint, *seen, gains, usual]).measured()
    assert alone == pytest.approx((0.1, fast.variance), abs=1e-6)
    assert drawn[1] < 0.8 * usual.variance


def test_how_far_points_are_off_the_trend_is_learnt():
    points, rng = [point for point in SPACE.points() if point["streams"] != HINT], random.Random(1)
    hint = [Observation(points[0], 0.0, 0.0)]
    flat = [Observation(point, -0.01 + rng.gauss(0.0, 0.005), 0.005**2) for point in points[1:]]
    rough = [Observation(point, -0.01 + rng.gauss(0.0, 0.04), 0.005**2) for point in points[1:]]
    assert Trend(SPACE.axes, hint + flat).own == min(OWN)
    assert Trend(SPACE.axes, hint + rough).own >= 0.03


def test_what_is_most_promising_may_be_measured_or_not():
    found = survey(history(-0.01, 12, noise=0.1), [SPACE])
    assert found.doubtful
    assert found.unmeasured
    assert sorted(map(str, found.promising)) == sorted(map(str, (*found.unmeasured, *found.doubtful)))
    assert found.promising[0] in {found.unmeasured[0], found.doubtful[0]}


@pytest.mark.parametrize(
    ("landscape", "missed"),
    [("as recorded", 0.02), ("mirrored, nothing gains", 0.0), ("flat but for 6 %", 0.1)],
)
def test_bounds_on_what_was_left_out_hold_on_recordings(landscape, missed):
    counts = {"points": 0, "held": 0, "gains": 0, "missed": 0}
    for name in ("squeezenet", "resnet50", "transformer", "recurrent"):
        for seed in range(5):
            found = left_out(LANDSCAPES[landscape](recording_of(name), seed), 20, seed)
            counts = {what: number + found[what] for what, number in counts.items()}
    assert counts["held"] >= 0.9 * counts["points"]
    assert counts["missed"] <= missed * counts["gains"]


def test_without_observations_nothing_is_ruled_out():
    points = list(SPACE.points())
    bounds = Trend(SPACE.axes, [Observation(points[0], 0.0, 0.0)]).upper_bounds(points[1:])
    assert min(bounds) > 0.03
