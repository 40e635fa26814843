"""A search under a load: items arrive at a rate, and latency counts from the arrival."""

import math
import random
import re

import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tests.simulation import space_of
from tests.tuning.loaded import THROUGHPUT_HINT, Cores, search
from tuner.domain.limit import Limit
from tuner.domain.load import Load
from tuner.domain.question import Question
from tuner.domain.sentences import answer
from tuner.domain.space import Bounds
from tuner.errors import DeviceError, UsageError
from tuner.tuning.budget import Budget
from tuner.tuning.final import Plan, run_final
from tuner.tuning.progress import FinalBegan, FinalRound
from tuner.tuning.strategy import Strategy
from tuner.tuning.targets import targets_for


def test_the_lowest_p99_latency_at_a_rate_is_found_and_said():
    found = search("latency", 140.0)
    verdict = found.outcome.verdict
    assert verdict.kind == "faster"
    assert verdict.best.configuration.plain_properties == {"NUM_STREAMS": 2}
    assert verdict.best.configuration.batch == 1
    assert "lower p99 latency than the hint" in answer(verdict)
    assert verdict.best.measured.throughput_fps == pytest.approx(140.0, rel=0.1)


def test_the_least_cpu_time_within_a_limit_on_latency():
    device = SimulatedDevice(cores=4, base_fps=100.0, one_stream=0.5)
    found = search("cpu", 20.0, Limit("p99", 25.0), device=device)
    assert found.outcome.verdict.speedup.metric == "cpu"
    assert all(trial.excess is not None for trial in found.trials if trial.measured)


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
            3 if configuration.batch > 1 else 0
        )
        for variant in waits:
            if configuration.batch > 1:
                assert space.point(space.configuration(variant)) == variant
