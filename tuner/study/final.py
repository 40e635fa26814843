"""The final: the best few and the baseline, fresh lanes, all of them in every round."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

from tuner.domain.configuration import Configuration
from tuner.domain.result import Final, Finalist, Trial
from tuner.domain.stats import speedup
from tuner.errors import Interrupted, LaneError
from tuner.measure.answers import difference, tolerance
from tuner.measure.comparison import Comparison
from tuner.measure.lane import Answers, Lane, Lanes
from tuner.study.budget import Budget
from tuner.study.history import History
from tuner.study.strategy import Strategy

CONFIDENCE = 0.95

START_S = 0.3
"""What starting a lane takes beyond compiling."""


def choose(history: History, own_batch: int, strategy: Strategy) -> list[Configuration]:
    """Return the best few by lower bound, the best with the model's own batch always among them."""
    ranked = history.measured()
    chosen = ranked[: strategy.finalists]
    own = [trial for trial in ranked if trial.configuration.batch == own_batch]
    if own and not any(trial in chosen for trial in own):
        chosen.append(own[0])
    return [history.simplest_form(trial) for trial in chosen]


def reserve_s(history: History, budget: Budget, baseline: Trial, own_batch: int, strategy: Strategy) -> float:
    """Return the seconds to keep for the final, from what its lanes have cost so far."""
    chosen = set(choose(history, own_batch, strategy))
    trials = [baseline, *(trial for trial in history.trials if trial.configuration in chosen)]
    open_s = sum((trial.compile_s or 0.0) + START_S for trial in trials)
    round_s = sum(trial.window_s or 0.0 for trial in trials)
    least, most = (share * budget.seconds for share in strategy.final_share)
    return min(max(open_s + (strategy.final_rounds + 1) * round_s, least), most)


@dataclass(frozen=True, slots=True, eq=False)
class Entrant:
    """A configuration with its lane, or with the reason why it does not run."""

    configuration: Configuration
    lane: Lane | None
    disqualified: str | None = None


def run_final(
    lanes: Lanes,
    baseline: Configuration,
    chosen: Sequence[Configuration],
    budget: Budget,
    strategy: Strategy,
    rng: random.Random,
    on_round: Callable[[int], None],
) -> Final:
    """Measure the chosen configurations beside the baseline until time or rounds are up.

    An interruption, or the death of the hint's lane, keeps the rounds played so far and is told as
    the final's trouble.

    Raises:
        LaneError: The baseline does not compile.
        Interrupted: The user asked to stop before the first round.
    """
    with ExitStack() as stack:
        hint = stack.enter_context(closing(lanes.open(baseline)))
        entrants = _line_up(lanes, stack, hint, chosen)
        running = [one for one in entrants if one.lane]
        side_by_side = [hint, *(one.lane for one in running if one.lane)]
        comparison = Comparison(side_by_side, rng, budget.spent_s, strategy.window_s)
        trouble, interrupted, lost = _play(comparison, running, budget, strategy.final_rounds, on_round)
    left = [one for one in running if one not in lost]
    everyone = [Entrant(baseline, hint), *left]
    told = [_sum_up(comparison, lane, one, among=len(running)) for lane, one in enumerate(everyone)]
    home = [*lost.items(), *((one, one.disqualified) for one in entrants if not one.lane)]
    out = [Finalist(one.configuration, None, None, None, why) for one, why in home]
    return Final(told[0], (*told[1:], *out), tuple(comparison.rounds), trouble, interrupted)


def _line_up(lanes: Lanes, stack: ExitStack, hint: Lane, chosen: Sequence[Configuration]) -> list[Entrant]:
    """Open every lane; those whose answers differ from the hint's are sent home."""
    truth = hint.answers()
    entrants = []
    for configuration in chosen:
        try:
            lane = stack.enter_context(closing(lanes.open(configuration)))
            why = _other_answers(hint, truth, lane)
        except LaneError as error:
            entrants.append(Entrant(configuration, None, str(error)))
            continue
        if why is not None:
            lane.close()
        entrants.append(Entrant(configuration, None if why else lane, why))
    return entrants


def _other_answers(hint: Lane, truth: Answers, lane: Lane) -> str | None:
    allowed = tolerance(hint.facts.effective.precision, lane.facts.effective.precision)
    apart = difference(truth, lane.answers())
    if apart <= allowed:
        return None
    return f"its answers differ from the hint's by {apart:.2g} of the largest value ({allowed:g} is allowed)"


def _play(
    comparison: Comparison,
    running: Sequence[Entrant],
    budget: Budget,
    rounds: int,
    on_round: Callable[[int], None],
) -> tuple[str | None, bool, dict[Entrant, str]]:
    """Play until rounds or time are up.

    A challenger whose lane dies is left out and the others go on.

    Returns:
        What cut it short, whether that was the user, and who was left out and why.
    """
    left, lost = list(running), dict[Entrant, str]()
    warm = False
    while True:
        try:
            if not warm:
                comparison.warm_up()
                warm = True
            done = len(comparison.rounds)
            if done == rounds or (done and budget.left_s() < comparison.round_s()):
                return None, False, lost
            comparison.play()
            on_round(done + 1)
        except Interrupted as stop:
            return str(stop), True, lost
        except LaneError as error:
            dead = comparison.dead()
            if not dead or dead[0] == 0:
                return f"the hint's lane: {error}", False, lost
            for lane in reversed(dead):
                lost[left.pop(lane - 1)] = str(error)
                comparison.drop(lane)


def _sum_up(comparison: Comparison, lane: int, entrant: Entrant, among: int) -> Finalist:
    effective = entrant.lane.facts.effective if entrant.lane else None
    if not comparison.rounds:
        return Finalist(entrant.configuration, effective, None, None)
    gain = speedup(comparison.log_ratios(lane), CONFIDENCE, among) if lane else None
    return Finalist(entrant.configuration, effective, gain, comparison.measured(lane))
