"""Which configurations may still be faster by a gain worth finding: what `keep_hint` must rule out.

A measured configuration is ruled out by its own rounds together with the trend of all, one that was not
measured by the trend alone (`tuner.domain.trend`). Each must be ruled out with 95 % confidence; where all
must be, their number needs no correction (Berger, *Technometrics* 24:295, 1982). For a single gain among flat
configurations the trend is too sure (`tests/benchmarks/trend.py`), so what counts is how often whole searches
are wrong (`tests/benchmarks/wrong_keeps.py`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, median, variance

from tuner.domain.configuration import Configuration, Effective
from tuner.domain.history import History
from tuner.domain.question import SURELY_BROKEN
from tuner.domain.sample import log_ratios_by_sitting
from tuner.domain.space import HINT, Choice, Point, Space
from tuner.domain.survey import Survey
from tuner.domain.target import target_of
from tuner.domain.trend import ONE_SIDED_95, Observation, Trend
from tuner.domain.trial import Final
from tuner.domain.verdict import GAIN_WORTH_FINDING, MINIMUM_GAIN

LUCK = 0.02
"""How far two processes of one configuration are taken to differ (deviation of the log-ratio) until that is
seen, in a final or where a configuration was measured again. It is 0 to 0.035 on ten recorded models."""

LEAST_LUCK = 0.01
"""Few processes may be alike by chance."""

ENOUGH_PROCESSES = 6

MOST_POINTS = 4096
"""The points of larger spaces are not listed, which takes too long: the trend rules none of them out."""

WIDER = 1.5
"""A search takes intervals to be so many times as wide: processes may differ more than it has seen."""

USUAL_LOSS, ROUNDS, MOST_NOISE = 0.005, 6, 0.2
"""What is expected of an open configuration: a little slower than the hint (log-ratio), in so many rounds."""

OFTEN, MUCH_WIDER = 4, 4.0
"""A trial that looks faster may be lucky, unless its interval is far above; so may two or three of them."""

NEVER_RAN = ("failed", "refused")
"""States of trials that were not measured."""

WORTH_FINDING = math.log1p(GAIN_WORTH_FINDING)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A program's log-ratio to the hint, as trials or a final measured it."""

    log_ratio: float
    variance: float

    def surely_gains(self, wider: float = 1.0) -> bool:
        """Return whether the lower end of the interval is above the minimum gain."""
        return self.log_ratio - wider * ONE_SIDED_95 * math.sqrt(self.variance) > math.log1p(MINIMUM_GAIN)

    def bound(self, wider: float = 1.0) -> float:
        """Return the upper end of the interval, so many times as wide."""
        return self.log_ratio + wider * ONE_SIDED_95 * math.sqrt(self.variance)

    def may_gain(self, wider: float = 1.0) -> bool:
        """Return whether a gain worth finding is not ruled out, by an interval so many times as wide."""
        return self.bound(wider) > WORTH_FINDING


def survey(
    history: History,
    spaces: Iterable[Space],
    final: Final | None = None,
    impossible: Callable[[Configuration], bool] = lambda _: False,
    wider: float = 1.0,
    forgotten: Container[int] = (),
) -> Survey:
    """Look at every configuration.

    Args:
        history: The trials.
        spaces: What is searched.
        final: The final, if it was held: its finalists are left to the verdict, and it shows how far
            processes of one configuration differ.
        impossible: Whether a configuration cannot run here, so that it is no candidate.
        wider: How many times as wide as needed the intervals of measured configurations are taken to be.
        forgotten: Numbers of trials that say nothing, because their device had gone.
    """
    luck, noise = _luck(history, final), _noise(_all_trials(history))
    hint, finalists = history.trials[0].effective, _finalists(final) if final else {}
    tried = _estimates(history, luck, noise)
    known = {**tried, **finalists, hint: Estimate(0.0, 0.0)}
    points, measured, unlisted = 0, 0, 0
    unmeasured: list[tuple[float, Configuration]] = []
    shrunk = dict(tried)
    for space in spaces:
        if len(space) > MOST_POINTS:
            counted = history.covered(space)
            points, measured = points + len(space), measured + counted
            unlisted += len(space) - counted
            continue
        counted, found, within = _by_trend(history, space, known, impossible, forgotten)
        shrunk.update((effective, within[effective]) for effective in within.keys() & tried.keys())
        points, measured, unmeasured = points + len(space), measured + counted, unmeasured + found
    programs, trials_each = history.rounds_by_program(), _trials_each(luck, noise)
    doubtful = _doubtful(history, shrunk, {hint, *finalists}, impossible, wider)
    repeated = [(bound, form) for bound, form, program in doubtful if len(programs[program]) <= trials_each]
    often = [effective for effective, logs in programs.items() if len(logs) >= OFTEN]
    gains = any(estimate.surely_gains(MUCH_WIDER) for estimate in tried.values())
    gains = gains or any(tried[effective].surely_gains(wider) for effective in often)
    return Survey(
        points,
        measured,
        _by_promise(unmeasured),
        _by_promise((bound, form) for bound, form, _ in doubtful),
        _by_promise(unmeasured + repeated),
        unlisted,
        trials_each,
        gains,
    )


def _doubtful(
    history: History,
    estimates: Mapping[Effective | None, Estimate],
    decided: Container[Effective | None],
    impossible: Callable[[Configuration], bool],
    wider: float,
) -> list[tuple[float, Configuration, Effective]]:
    """Return what was measured, may gain and still runs: its bound, its simplest form, its program."""
    found = []
    for trial in history.measured():
        form = history.simplest_form(trial)
        if (
            trial.effective is None
            or trial.effective in decided
            or impossible(form)
            or (trial.excess or 0.0) > SURELY_BROKEN
        ):
            continue
        latest, estimate = history.knows(form), estimates[trial.effective]
        if estimate.may_gain(wider) and latest and latest.state not in NEVER_RAN:
            found.append((estimate.bound(), form, trial.effective))
    return found


def _by_trend(
    history: History,
    space: Space,
    known: Mapping[Effective | None, Estimate],
    impossible: Callable[[Configuration], bool],
    forgotten: Container[int],
) -> tuple[int, list[tuple[float, Configuration]], dict[Effective | None, Estimate]]:
    """Return how many points were measured, the bounds of the others that may gain, and better estimates."""
    streams = _streams_of_the_hint(history, space)
    measured = 0
    observed: dict[Effective | None, Observation] = {}
    unknown: list[tuple[Point, Configuration]] = []
    for each in space.points():
        configuration = space.configuration(each)
        point = {**each, "streams": streams} if each.get("streams") == HINT else each
        trial = history.knows(configuration)
        if trial is None or trial.number in forgotten:
            if not impossible(configuration):
                unknown.append((point, configuration))
            continue
        measured += trial.state not in NEVER_RAN
        estimate = known.get(trial.effective)
        if estimate and math.isfinite(estimate.variance):  # a single round tells nothing of its noise
            observed[trial.effective] = Observation(point, estimate.log_ratio, estimate.variance)
    trend = Trend(space.axes, [*observed.values()])
    bounds = trend.upper_bounds([point for point, _ in unknown])
    pairs = zip(map(float, bounds), (configuration for _, configuration in unknown), strict=True)
    may_gain = [(bound, configuration) for bound, configuration in pairs if bound > WORTH_FINDING]
    return measured, may_gain, dict(zip(observed, itertools.starmap(Estimate, trend.measured()), strict=True))


def _streams_of_the_hint(history: History, space: Space) -> Choice:
    """Return how many streams the hint made on a space's target, where they are a choice of their own."""
    if "hyper_threading" in space.axes:  # the hint uses it, and the same streams without the hint do not
        return HINT
    own = (
        trial.effective.streams
        for trial in history.trials
        if trial.effective
        and trial.configuration.uses_hint
        and target_of(space.target).covers(trial.configuration.device)
    )
    streams = next(own, None)
    return streams if streams in space.axes.get("streams", ()) else HINT


def _by_promise(found: Iterable[tuple[float, Configuration]]) -> tuple[Configuration, ...]:
    ranked = sorted(found, key=lambda pair: (-round(pair[0], 6), pair[1].complexity))
    return tuple(configuration for _, configuration in ranked)


def _all_trials(history: History) -> list[list[float]]:
    return [logs for trials in history.rounds_by_program().values() for logs in trials]


def _trials_each(luck: float, noise: float) -> float:
    """Return how many whole trials narrow an interval enough, at least one."""
    wanted = (WORTH_FINDING + USUAL_LOSS) / (ONE_SIDED_95 * WIDER)
    variance_of_one = luck**2 + math.pi / 2 * min(noise, MOST_NOISE) ** 2 / ROUNDS
    return max(1.0, variance_of_one / wanted**2)


def _estimates(history: History, luck: float, noise: float) -> dict[Effective | None, Estimate]:
    """Return the estimate of each program that a trial measured, over all of its trials."""
    programs = history.rounds_by_program()
    return {
        effective: Estimate(
            fmean(median(logs) for logs in trials),
            luck**2 / len(trials) + math.pi / 2 * noise**2 / sum(map(len, trials)),
        )
        for effective, trials in programs.items()
    }


def _noise(groups: Iterable[list[float]]) -> float:
    """Return the robust deviation (1.4826 * MAD) of log-ratios from the median of their group."""
    apart = [
        abs(log - median(logs)) * math.sqrt(len(logs) / (len(logs) - 1))
        for logs in groups
        if len(logs) > 1
        for log in logs
    ]
    return 1.4826 * median(apart) if apart else math.inf


def _finalists(final: Final) -> dict[Effective | None, Estimate]:
    """Return the estimates of the finalists that were measured."""
    found: dict[Effective | None, Estimate] = {}
    for finalist in final.finalists:
        medians = [median(logs) for logs in final.log_ratios(finalist)] if finalist.speedup else []
        if finalist.effective and len(medians) > 1:
            found[finalist.effective] = Estimate(fmean(medians), variance(medians) / len(medians))
    return found


def _luck(history: History, final: Final | None) -> float:
    """Return how far processes of one configuration differ: what the rounds' noise does not explain."""
    groups = [trials for trials in history.rounds_by_program().values() if len(trials) > 1]
    if final:
        lanes = range(1, 1 + sum(finalist.speedup is not None for finalist in final.finalists))
        groups += [log_ratios_by_sitting(final.rounds, lane) for lane in lanes]
    processes = [logs for group in groups for logs in group]
    noise, between = _noise(processes), _noise([median(logs) for logs in group] for group in groups)
    if len(processes) < ENOUGH_PROCESSES or math.isinf(noise + between):
        return LUCK
    rounds = fmean(map(len, processes))
    return math.sqrt(max(LEAST_LUCK**2, between**2 - math.pi / 2 * noise**2 / rounds))
