"""Searches in which lanes hang: the budget holds, and what is known by then is said."""

from dataclasses import replace

import pytest

from tests.lanes.simulated import SimulatedDevice, SimulatedLane, SimulatedLanes
from tests.simulation import MODEL, MemoryStore, simulate
from tuner.domain.history import History
from tuner.domain.sentences import answer
from tuner.errors import DeviceError
from tuner.measure.answers import first_proved
from tuner.measure.time_limits import BEYOND_S, Limits
from tuner.tuning.progress import BaselineReady, FinalBegan, FinalRound, TrialBegan

BUDGETS_S = (12, 60, 300)
OVER_S = 2.0
"""Seconds that a search may last beyond its budget: a lane has one more, and the final needs a moment."""


class HangingLanes(SimulatedLanes):
    """Simulated lanes that hang in what `hanging` says, until their limit ends them."""

    def __init__(self, budget_s, share=1.0):
        super().__init__(SimulatedDevice(base_fps=1000), watched=False)
        self.hanging = set()
        self.coming = None
        self.limits = Limits(budget_s, lambda: max(0.0, budget_s - self.now()), share)

    def pause(self, seconds, window=1, of_hint=False):
        """Let a window to come, of the hint or of other configurations, take so long, once."""
        self.coming = (seconds, window, of_hint)

    def open(self, configuration):
        limit = self.limits.compiling(configuration)
        if "compiling" in self.hanging:
            self.hang(limit)
        lane = super().open(configuration)
        self.lanes[-1] = lane = HangingLane(self, lane._configuration)
        self.limits.learn_compiling(configuration, lane.facts.compile_s)
        return lane

    def open_all(self, configurations):
        """As real lanes do, all wait at the same time."""
        before = self.time_s
        opened, ends = [], []
        for configuration in configurations:
            self.time_s = before
            opened += super().open_all([configuration])
            ends.append(self.time_s)
        self.time_s = max(ends)
        return opened

    def pauses(self, configuration, limit):
        """Let a pause pass, if it comes now, and return whether it is longer than the limit."""
        seconds, window, of_hint = self.coming or (0, 0, None)
        is_hint = configuration.uses_hint and configuration.batch == 1 and configuration.requests == 2
        if is_hint is not of_hint:
            return False
        self.coming = (seconds, window - 1, of_hint) if window > 1 else None
        if window == 1 and seconds < limit.seconds:
            self.spend(seconds)
        return window == 1 and seconds >= limit.seconds

    def hang(self, limit):
        self.spend(limit.seconds)
        raise limit.exceeded(f"hung for {limit.seconds:.3g} s: no answer")


class HangingLane(SimulatedLane):
    def window(self, seconds):
        limit = self._lanes.limits.window(self.in_flight, seconds)
        self._hang_in("window", limit, self._lanes.pauses(self.in_flight, limit))
        window = super().window(seconds)
        self._lanes.limits.learn_window(self.in_flight, window)
        return window

    def answers(self):
        self._hang_in("answers", self._lanes.limits.answers())
        return super().answers()

    @property
    def in_flight(self):
        return replace(self._configuration, requests=self._effective.requests)

    def _hang_in(self, what, limit, hangs=False):
        self._require_open()
        if hangs or what in self._lanes.hanging:
            self.close()
            self._lanes.hang(limit)


@pytest.mark.parametrize("budget_s", BUDGETS_S)
@pytest.mark.parametrize("begin", [TrialBegan, FinalBegan])
@pytest.mark.parametrize("what", ["compiling", "window", "answers"])
def test_lanes_that_hang_from_some_moment_on_cost_the_budget_and_no_more(budget_s, begin, what):
    lanes, store, began = HangingLanes(budget_s), MemoryStore(), []

    def hang_from_the_third_on(event):
        began.append(isinstance(event, begin))
        if sum(began) == (3 if begin is TrialBegan else 1):
            lanes.hanging.add(what)

    found = simulate(lanes=lanes, budget_s=budget_s, store=store, tell=hang_from_the_third_on)
    assert lanes.now() < budget_s + OVER_S
    assert found.outcome.verdict.kind == "inconclusive"
    assert list(found.trials) == store.kept
    history = History(store.kept)
    assert found.outcome.verdict.closest == history.simplest_form(history.best())


@pytest.mark.parametrize("budget_s", BUDGETS_S[1:])
def test_one_hung_trial_costs_a_part_of_the_budget_and_the_search_goes_on(budget_s):
    lanes, began = HangingLanes(budget_s), []

    def hang_in_the_third(event):
        began.append(isinstance(event, TrialBegan))
        lanes.hanging = {"window"} if sum(began) == 3 else set()

    found = simulate(lanes=lanes, budget_s=budget_s, tell=hang_in_the_third)
    assert lanes.now() < budget_s + OVER_S
    assert found.outcome.verdict.kind == "faster"


@pytest.mark.parametrize("budget_s", BUDGETS_S)
@pytest.mark.parametrize("what", ["compiling", "window"])
def test_a_hint_that_hangs_is_refused(budget_s, what):
    lanes = HangingLanes(budget_s)
    lanes.hanging.add(what)
    with pytest.raises(DeviceError, match=r"^The hint gave no answer within [\d.e+]+ s; other programs"):
        simulate(lanes=lanes, budget_s=budget_s)
    assert lanes.now() <= budget_s + (BEYOND_S if what == "compiling" else OVER_S)


@pytest.mark.parametrize("window", [1, 3, 7])
@pytest.mark.parametrize(("pause_s", "lanes_opened"), [(8, 1), (60, 2)])
def test_a_hint_that_pauses_is_waited_for_and_one_that_hangs_is_opened_again(window, pause_s, lanes_opened):
    """On a loaded host a healthy model was refused after 4 s of 18."""
    lanes, opened = HangingLanes(30), []
    lanes.pause(pause_s, window, of_hint=True)

    def count_lanes(event):
        if isinstance(event, BaselineReady):
            opened.append(len(lanes.opened))

    found = simulate(lanes=lanes, budget_s=30, tell=count_lanes)
    assert opened == [lanes_opened]
    assert found.trials[0].state == "measured"
    assert lanes.now() < 30 + OVER_S


@pytest.mark.parametrize("what", ["compiling", "answers"])
def test_checking_batch_on_lanes_that_hang_leaves_the_search_time(what):
    lanes = HangingLanes(12, share=0.5)
    lanes.hanging.add(what)
    with pytest.raises(DeviceError, match="hung for"):
        first_proved([(MODEL, lanes)], MODEL, {"CPU": True})
    assert lanes.now() < 12 + OVER_S


@pytest.mark.parametrize(
    ("budget_s", "left_s", "pause_s"), [(12, 2, 3.6), (20, 2, 3.6), (60, 5, 8), (60, 4, 30)]
)
def test_a_pause_at_the_end_of_the_final_costs_its_round_and_no_finalist(budget_s, left_s, pause_s):
    """What the other finalists and the rounds before have proved stays: nobody is to blame for a pause."""
    lanes, done, paused = HangingLanes(budget_s), [], []

    def pause_once(event):
        if isinstance(event, FinalRound):
            done.append(event.done)
            if event.left_s < left_s and not paused:
                lanes.pause(pause_s)
                paused.append(True)

    found = simulate(lanes=lanes, budget_s=budget_s, tell=pause_once, grows=False)
    assert paused
    assert lanes.coming is None
    assert lanes.now() < budget_s + OVER_S
    assert not any(finalist.disqualified for finalist in found.final.finalists)
    assert len(found.final.rounds) == done[-1]
    calm = simulate(lanes=HangingLanes(budget_s), budget_s=budget_s)
    assert found.final.trouble is None
    assert found.outcome.verdict.kind in {calm.outcome.verdict.kind, "inconclusive"}, "it lost two sittings"


def test_a_final_in_which_the_budget_ends_before_the_first_round_names_the_leader():
    lanes, store = HangingLanes(12), MemoryStore()

    def hang_in_the_final(event):
        if isinstance(event, FinalBegan):
            lanes.pause(30)
            lanes.spend(event.left_s - 2)

    found = simulate(lanes=lanes, budget_s=12, store=store, tell=hang_in_the_final)
    history = History(store.kept)
    assert found.outcome.verdict.closest == history.simplest_form(history.best())
    assert answer(found.outcome.verdict).startswith(
        "inconclusive: no finalist was measured to the end; give a larger budget (the closest is "
    )
