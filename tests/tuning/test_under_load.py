"""A search under a load: items arrive at a rate, and latency counts from the arrival."""

import math
import random
import re

import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tests.simulation import simulate, space_of
from tuner.domain.load import Load
from tuner.domain.question import Limit, Question
from tuner.domain.sentences import answer
from tuner.domain.space import Bounds
from tuner.errors import DeviceError, LaneError, UsageError
from tuner.measure.reference import reference_of
from tuner.tuning.budget import Budget
from tuner.tuning.final import Plan, run_final
from tuner.tuning.progress import FinalBegan, FinalRound
from tuner.tuning.strategy import Strategy
from tuner.tuning.targets import targets_for

LATENCY_HINT = {"PERFORMANCE_HINT": "LATENCY"}
THROUGHPUT_HINT = {"PERFORMANCE_HINT": "THROUGHPUT"}

ITEM_S = {1: 0.006, 2: 0.004, 3: 0.007, 4: 0.010}
"""How long an item takes, by streams."""


class Cores(SimulatedDevice):
    """Four cores: the hint THROUGHPUT takes four streams, LATENCY one; two are quickest."""

    def effective(self, configuration):
        if configuration.plain_properties == LATENCY_HINT:
            configuration = configuration.of(
                configuration.device, {"NUM_STREAMS": 1}, configuration.batch, configuration.requests
            )
        return super().effective(configuration)

    def fps(self, effective):
        return min(effective.requests, effective.streams) / ITEM_S[effective.streams]


def search(objective, rate, *limits, device=None, lanes=None, **options):
    device = device or Cores(cores=4)
    lanes = lanes or SimulatedLanes(device)
    question = Question(objective, limits, Load(rate))
    return simulate(device, lanes=lanes, question=question, **{"budget_s": 120.0, **options})


def test_both_hints_are_measured_and_the_better_one_is_the_baseline():
    slow = search("latency", 20.0, trials=1)
    assert slow.outcome.baseline.configuration.plain_properties == LATENCY_HINT  # hardly anything waits
    fast = search("latency", 140.0, trials=1)
    assert fast.outcome.baseline.configuration.plain_properties == THROUGHPUT_HINT  # a single stream queues
    for found in (slow, fast):
        hints = [dict(trial.configuration.plain_properties) for trial in found.trials[:2]]
        assert LATENCY_HINT in hints
        assert THROUGHPUT_HINT in hints


class Alike(Cores):
    """An item takes 10 ms of CPU time, `one` times as much with one stream."""

    one = 1.0

    def fps(self, effective):
        busy = min(effective.requests, effective.streams)
        return busy / 0.010 if effective.streams > 1 else busy * self.cores / (self.one * 0.010)


@pytest.mark.parametrize(("one", "hint"), [(1.2, THROUGHPUT_HINT), (1.02, LATENCY_HINT), (0.8, LATENCY_HINT)])
def test_after_few_rounds_the_faster_hint_is_the_baseline_and_the_simpler_one_only_in_a_tie(one, hint):
    device = Alike(cores=4)
    object.__setattr__(device, "one", one)
    found = search("cpu", 0.5, lanes=SimulatedLanes(device, QUIET), budget_s=300.0, trials=1)
    assert 0 < len(found.trials[1].rounds) < 5
    assert found.outcome.baseline.configuration.plain_properties == hint


def test_the_lowest_p99_latency_at_a_rate_is_found_and_said():
    found = search("latency", 140.0)
    verdict = found.outcome.verdict
    assert verdict.kind == "faster"
    assert verdict.best.configuration.plain_properties == {"NUM_STREAMS": 2}
    assert verdict.best.configuration.batch == 1
    assert "lower p99 latency than the hint" in answer(verdict)
    assert verdict.best.measured.throughput_fps == pytest.approx(140.0, rel=0.1)


def test_of_hints_only_those_that_keep_the_limits_may_be_the_baseline():
    limit = Limit("p50", 8.0)
    found = search("cpu", 5.0, limit, lanes=SimulatedLanes(Cores(cores=4), QUIET), trials=1)
    assert found.outcome.baseline.configuration.plain_properties == LATENCY_HINT  # the other one takes 10 ms


def test_limits_of_latency_count_among_the_hints_where_precision_is_searched_too():
    lanes = SimulatedLanes(Cores(cores=4), QUIET)
    lanes.reference = reference_of(lanes, ["CPU"], 1, (0,))
    limits = (Limit("p50", 8.0), Limit("error", 0.01))
    found = search("cpu", 5.0, *limits, lanes=lanes, bounds=Bounds(precision=("all",)), trials=1)
    assert found.outcome.baseline.configuration.plain_properties == LATENCY_HINT  # the other one takes 10 ms
    assert found.trials[0].measured.agreement.max_error == 0.0


def test_the_least_cpu_time_within_a_limit_on_latency():
    device = SimulatedDevice(cores=4, base_fps=100.0, one_stream=0.5)
    found = search("cpu", 20.0, Limit("p99", 25.0), device=device)
    assert found.outcome.verdict.speedup.metric == "cpu"
    assert all(trial.excess is not None for trial in found.trials if trial.measured)


def test_a_hint_that_cannot_follow_is_a_trial_that_says_so():
    found = search("latency", 300.0, trials=1)
    assert found.trials[0].configuration.plain_properties == THROUGHPUT_HINT
    lost = found.trials[1]
    assert lost.configuration.plain_properties == LATENCY_HINT
    assert lost.state == "pruned"
    assert lost.reason.startswith("cannot follow 300 items/s: it serves 1")
    assert [trial.number for trial in found.trials] == list(range(len(found.trials)))


class Refusing(SimulatedLanes):
    """One of the hints does not compile, or dies in every window of the load."""

    def __init__(self, refused, dies=False):
        super().__init__(Cores(cores=4), QUIET)
        self.refused, self.dies = refused, dies

    def open(self, configuration):
        if configuration.plain_properties == self.refused and not self.dies:
            raise LaneError("out of luck")
        lane = super().open(configuration)
        if configuration.plain_properties == self.refused:
            serve = lane.open_loop
            lane.open_loop = lambda arrivals: lane.close() or serve(arrivals)
        return lane


@pytest.mark.parametrize(
    ("refused", "other"), [(THROUGHPUT_HINT, LATENCY_HINT), (LATENCY_HINT, THROUGHPUT_HINT)]
)
@pytest.mark.parametrize("dies", [False, True])
def test_where_one_hint_fails_the_other_one_of_its_device_is_the_baseline(refused, other, dies):
    found = search("latency", 20.0, lanes=Refusing(refused, dies), trials=1)
    assert found.outcome.baseline.configuration.plain_properties == other
    assert not found.left_out
    failed = [trial for trial in found.trials if trial.state == "failed"]
    assert {trial.reason for trial in failed} <= {"the lane is closed" if dies else "out of luck"}
    assert not dies or failed[0].configuration.plain_properties == refused
    assert [trial.number for trial in found.trials] == list(range(len(found.trials)))


def test_a_candidate_that_cannot_follow_is_stopped_and_says_so():
    found = search("latency", 300.0)
    slow = [trial for trial in found.trials if trial.effective and trial.effective.streams == 1]
    assert slow
    assert all(trial.state == "pruned" and "cannot follow 300 items/s" in trial.reason for trial in slow)
    assert not any(trial.speedup for trial in slow)


def test_a_finalist_that_cannot_follow_any_more_is_excluded_at_once():
    slow = []
    lanes = SimulatedLanes(
        Cores(cores=4), QUIET, disturbance=lambda _, configuration: 0.2 if configuration in slow else 1.0
    )

    def slow_down(event):
        if isinstance(event, FinalBegan):
            invited.append(event.finalists)
        if isinstance(event, FinalRound) and event.done == 3:
            slow.append(invited[0][0])
            opened.append(len(lanes.opened))

    invited, opened = [], []
    found = search("latency", 140.0, lanes=lanes, tell=slow_down)
    first, *others = found.final.finalists
    assert first.disqualified.startswith("cannot follow 140 items/s: it serves ")
    assert lanes.opened[opened[0] :].count(first.configuration) == 1  # no second chance
    assert others
    assert not any(each.disqualified for each in others)
    assert len(found.final.rounds) > 4


@pytest.mark.parametrize(("lasts_s", "lost"), [(0.6, False), (15.0, True)])
def test_a_candidate_has_not_failed_where_the_hint_cannot_follow(lasts_s, lost):
    lanes = SimulatedLanes(
        Cores(cores=4),
        QUIET,
        disturbance=lambda at_s, configuration: (
            0.1
            if 20.0 <= at_s < 20.0 + lasts_s and configuration.plain_properties == THROUGHPUT_HINT
            else 1.0
        ),
    )
    found = search("latency", 140.0, lanes=lanes)
    assert not any(trial.state == "failed" for trial in found.trials)
    said = [trial for trial in found.trials if (trial.reason or "").startswith("the hint cannot follow 140")]
    assert bool(said) is lost
    assert all(trial.state == "pruned" and trial.effective and not trial.speedup for trial in said)


class Steep(Cores):
    """Nothing but four streams follows 300 items/s."""

    def fps(self, effective):
        return 400.0 if effective.streams == 4 else 40.0


def test_where_nothing_but_the_hint_can_follow_the_answer_says_so():
    only_two = Bounds(streams=(2,), batch=(1,))
    found = search("latency", 300.0, device=Steep(cores=4), bounds=only_two, grows=False)
    why = r"no other configuration that was tried could be measured at 300 items/s \(cannot follow 300 items/s: it serves \S+\)"
    assert found.outcome.verdict.kind == "keep_hint"
    assert re.fullmatch(why, found.outcome.verdict.why)
    found = search(
        "latency", 300.0, device=Steep(cores=4), bounds=Bounds(streams=(1, 2), batch=(1,)), trials=1
    )
    assert found.outcome.verdict.kind == "inconclusive"
    assert found.outcome.verdict.more_s == math.inf
    assert re.fullmatch(why, found.outcome.verdict.why)


def test_a_rate_that_no_hint_can_follow_is_refused():
    with pytest.raises(
        DeviceError,
        match=r"^No performance hint can be measured at this load \(.*THROUGHPUT on CPU cannot follow 2000 items/s: it "
        r"serves .*\), so there is nothing to compare with, even if a larger batch may follow; .* a lower rate\.$",
    ) as refused:
        search("latency", 2000.0)
    assert "LATENCY on CPU cannot follow" in str(refused.value)


def test_arrivals_that_come_too_late_are_refused_where_latency_counts():
    lanes = SimulatedLanes(Cores(cores=4), QUIET)
    lanes.tardy_s = 0.003
    sentence = r"cannot be measured at 20 items/s: arrivals were started .* ms late on average, more than 5 % of the latency"
    with pytest.raises(DeviceError, match=sentence):
        search("latency", 20.0, lanes=lanes)
    assert search("latency", 20.0, Limit("p99", 100.0), lanes=lanes, trials=1).trials  # 2 % of the limit
    assert search("cpu", 20.0, lanes=lanes, trials=1).trials


def watch_arrivals(monkeypatch, lanes):
    """Return a list that gets the items that count in every window, in the order of measurement."""
    got, opened = [], lanes.open

    def watched(configuration):
        lane = opened(configuration)
        serve = lane.open_loop

        def open_loop(arrivals):
            assert arrivals.surplus == configuration.batch - 1
            got.append(arrivals.times_s[: len(arrivals.times_s) - arrivals.surplus])
            return serve(arrivals)

        lane.open_loop = open_loop
        return lane

    monkeypatch.setattr(lanes, "open", watched)
    return got


def test_all_configurations_of_a_round_get_the_same_arrivals(monkeypatch):
    lanes = SimulatedLanes(Cores(cores=4))
    got = watch_arrivals(monkeypatch, lanes)
    found = search("latency", 140.0, lanes=lanes, trials=3)
    assert len(got) > 10
    load = Load(140.0)
    in_trials = [times_s for times_s in got if len(times_s) == 70]
    assert set(in_trials) <= {load.arrivals(number).times_s for number in range(200)}
    assert got[0] == got[1] != got[2]  # of the two hints
    in_final = got[len(in_trials) :]
    assert set(map(len, in_final)) == {4 * 70}
    lanes_of_final = 1 + len(found.final.finalists)
    assert all(
        len(set(in_final[at : at + lanes_of_final])) == 1 for at in range(0, len(in_final), lanes_of_final)
    )


def test_a_final_and_a_verification_have_other_items_than_the_trials(monkeypatch):
    lanes = SimulatedLanes(Cores(cores=4))
    got = watch_arrivals(monkeypatch, lanes)
    found = search("latency", 140.0, lanes=lanes, trials=3)
    searched = len(got)
    question, plan = (
        Question("latency", (), Load(140.0)),
        Plan([found.final.finalists[0].configuration], 4, 2),
    )
    budget = Budget(30.0, None, lanes.now)
    hint = found.final.baseline.configuration
    run_final(lanes, hint, plan, budget, Strategy(), random.Random(0), lambda _: None, question)
    in_trials = {times_s for times_s in got[:searched] if len(times_s) == 70}
    in_final = {times_s[:70] for times_s in got[:searched] if len(times_s) > 70}
    verified = {times_s[:70] for times_s in got[searched:]}
    assert min(map(len, (in_trials, in_final, verified))) > 3
    assert len(in_trials | in_final | verified) == len(in_trials) + len(in_final) + len(verified)


def test_a_sitting_under_a_load_is_a_single_round():
    rounds = search("latency", 140.0, trials=3).final.rounds
    assert [played.sitting for played in rounds] == list(range(len(rounds)))


def test_a_search_goes_on_with_the_same_baseline():
    from tests.simulation import MemoryStore

    store = MemoryStore()
    first = search("latency", 140.0, store=store, trials=2)
    second = search("latency", 140.0, store=store, trials=2, seed=1)
    assert second.trials[: len(first.trials)] == first.trials
    assert second.outcome.baseline.configuration == first.outcome.baseline.configuration


@pytest.mark.parametrize(("before", "hint"), [(0.8, LATENCY_HINT), (1.2, THROUGHPUT_HINT)])
def test_a_search_does_not_go_on_with_the_other_hint_as_its_baseline(before, hint):
    from tests.simulation import MemoryStore

    class Tired(SimulatedLanes):
        def open(self, configuration):
            lane = super().open(configuration)
            if configuration.plain_properties == hint:
                lane.close()
            return lane

    device, store = Alike(cores=4), MemoryStore()
    object.__setattr__(device, "one", before)
    first = search("cpu", 20.0, lanes=SimulatedLanes(device, QUIET), store=store, trials=2)
    assert first.outcome.baseline.configuration.plain_properties == hint
    sentence = rf"the hint {hint['PERFORMANCE_HINT']} on CPU, which does not run or does not follow 20 items/s any more"
    with pytest.raises(DeviceError, match=sentence):
        search("cpu", 20.0, lanes=Tired(device, QUIET), store=store, trials=2)


def test_a_load_is_searched_on_single_devices():
    question = Question("latency", (), Load(100.0))
    assert [str(target) for target in targets_for((), ["CPU", "GPU"], question=question)] == ["GPU", "CPU"]
    with pytest.raises(
        UsageError, match=r"arrive at a rate .* device= is 'AUTO:GPU,CPU'; give single devices"
    ):
        targets_for(("AUTO:GPU,CPU",), ["CPU", "GPU"], question=question)
    with pytest.raises(UsageError, match=r"batching='auto' gathers them in OpenVINO; leave batching= out"):
        targets_for(("CPU",), ["CPU"], "auto", question)


def test_a_question_says_its_load():
    assert str(Question("latency", (), Load(200.0))) == "p99 latency at 200 items/s"
    limits = (Limit("p99", 20.0),)
    assert (
        str(Question("cpu", limits, Load(10.0)))
        == "CPU time of an item at 10 items/s, with p99 latency <= 20 ms"
    )


class Gains(SimulatedDevice):
    """A batch of eight takes hardly longer than a single item, so gathering saves CPU time."""

    def fps(self, effective):
        return 100.0 * effective.batch**0.8 * min(effective.requests, effective.streams) / effective.streams


def test_how_long_a_batch_waits_is_found_with_the_batch():
    device = Gains(cores=2)
    found = search("cpu", 60.0, Limit("p99", 500.0), device=device, budget_s=240.0)
    best = found.outcome.verdict.best.configuration
    assert found.outcome.verdict.kind == "faster"
    assert best.batch >= 4
    mean_ms = Load(60.0).fill_ms(best.batch)
    assert best.max_wait_ms in {mean_ms, mean_ms / 2, mean_ms * 2}
    assert f"wait {best.max_wait_ms:g} ms" in str(best)
    tried = {
        trial.configuration.max_wait_ms for trial in found.trials if trial.configuration.batch == best.batch
    }
    assert len(tried) > 1


def test_a_batch_that_takes_too_long_to_fill_is_not_searched():
    space = space_of(Gains(cores=2), question=Question("cpu", (), Load(100.0)))
    assert space.axes["batch"] == (1, 2, 4, 8)  # 70 ms
    limited = space_of(Gains(cores=2), question=Question("cpu", (Limit("p99", 40.0),), Load(100.0)))
    assert limited.axes["batch"] == (1, 2, 4)  # 30 ms
    assert space_of(Gains(cores=2), question=Question("cpu", (), Load(1.0))).axes["batch"] == (1,)


def test_every_wait_has_a_point_of_its_own():
    space = space_of(Gains(cores=2), question=Question("cpu", (), Load(100.0)))
    for point in space.points():
        configuration = space.configuration(point)
        assert space.point(configuration) == point
        assert (configuration.max_wait_ms > 0) == (configuration.batch > 1)
        waits = [variant for variant in space.variants(point) if "max_wait" in variant]
        assert len({space.configuration(variant) for variant in waits} - {configuration}) == (
            2 if configuration.batch > 1 else 0
        )
        for variant in waits:
            if configuration.batch > 1:
                assert space.point(space.configuration(variant)) == variant


def test_hints_of_a_slow_load_leave_time_for_the_rest():
    found = search("cpu", 4.0, budget_s=60.0)
    assert len(found.trials[1].rounds) < 4
    assert len(found.trials) > 3
