"""What a search was asked for and what it found: everything that a report or an advice is made from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tuner.domain.agreement import what_changed
from tuner.domain.figures import count, gain, rate
from tuner.domain.host import Host
from tuner.domain.limit import Limit
from tuner.domain.model import Model
from tuner.domain.price import Cheaper, Price, cheaper_than, price_of
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.sample import Measured
from tuner.domain.sentences import answer, played_again
from tuner.domain.space import Bounds
from tuner.domain.standing import Standing, standings
from tuner.domain.stats import Speedup
from tuner.domain.target import target_of
from tuner.domain.travel import Travel
from tuner.domain.trial import Candidate, Final, Trial, unsteady_rounds
from tuner.domain.verdict import Verdict
from tuner.domain.visible import html_table, on_one_line


@dataclass(frozen=True, slots=True)
class Notice:
    """A reason to trust the figures less, and what to do about it.

    Attributes:
        code: Short stable name, e.g. `other-load`.
        text: One sentence for people.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class SearchRun:
    """How a result was made.

    Attributes:
        version: The tuner's own version.
        command: The command line, or the Python call.
        seed: Seed of proposals, orders and random inputs.
        trials: Trials in the study.
        seconds: Wall time of this run.
        date: When it ended, ISO 8601 with zone.
    """

    version: str
    command: str
    seed: int
    trials: int
    seconds: float
    date: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What the latest run of a study was asked for.

    Attributes:
        model: The model; its batch axes have passed the batching check.
        host: The machine.
        targets: Device strings, single devices first.
        run: The run at its beginning, with no trials and no seconds yet.
        bounds: What the user allowed.
        question: What the user wants to know.
    """

    model: Model
    host: Host
    targets: tuple[str, ...]
    run: SearchRun
    bounds: Bounds = field(default_factory=Bounds)
    question: Question = THROUGHPUT


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a study's answer is, beside its trials and its final; see `tuner.domain.support`.

    Attributes:
        baseline: The hint with its figures from the final, or without a final those of the search.
        verdict: The answer.
        drop_in: The best configuration with the model's own batch; the baseline if the hint is best.
        points: Configurations in the space, late switches not counted.
        covered: Configurations of the space that were tried, or compile to the same as a tried one.
        interrupted: Whether the latest run was cut short, by the user or because its hosts were lost.
        switches: Switches around the best configuration, in words, and whether each was tried; they do
            not count as `points`.
        edges: For each axis on which the gain went on at the edge: how far it was tried, and why no further.
        importance: Each parameter's share in the differences of speed; empty where unknown.
        notices: Reasons to trust the figures less.
        run: The run that the answer is from, at its end; None while the search goes on.
        travel: On how many hosts it was measured and holds; None where there is only one.
    """

    baseline: Candidate
    verdict: Verdict
    drop_in: Candidate
    points: int = 0
    covered: int = 0
    interrupted: bool = False
    switches: Mapping[str, bool] = field(default_factory=dict)
    edges: tuple[str, ...] = ()
    importance: Mapping[str, float] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    run: SearchRun | None = None
    travel: Travel | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a search knows at its end.

    Attributes:
        setting: What was asked for.
        outcome: What was found.
        trials: Every trial of the study, those of other runs included.
        final: The final that the answer rests on, or None when it did not begin.
    """

    setting: Setting
    outcome: Outcome
    trials: Sequence[Trial]
    final: Final | None

    def __repr__(self) -> str:
        """Return the answer in one sentence."""
        return on_one_line(f"<Result {self._sentence()}>")

    def _repr_html_(self) -> str:
        """Return the answer as a table, for notebooks."""
        rows = {"best": _row(self.verdict.best), "hint": _row(self.baseline)}
        if self.drop_in.configuration != self.verdict.best.configuration:
            rows["drop-in (the model's own batch)"] = _row(self.drop_in)
        rows["search"] = f"{count(self.run.trials, 'trial')} in {self.run.seconds:.0f} s on {self.host.cpu}"
        return html_table(self._sentence(), rows)

    def _sentence(self) -> str:
        return f"{self.model.name}: {self.sentence}"

    @property
    def sentence(self) -> str:
        """The verdict in one sentence, and the circumstances that it holds in, if there are special ones."""
        said, use = answer(self.verdict, self.outcome.interrupted), self.question.circumstances
        return f"{said} ({use})" if use else said

    @property
    def model(self) -> Model:
        """The model that was searched."""
        return self.setting.model

    @property
    def host(self) -> Host:
        """The machine on which it was searched."""
        return self.setting.host

    @property
    def run(self) -> SearchRun:
        """How the result was made, as far as that is known."""
        return self.outcome.run or self.setting.run

    @property
    def baseline(self) -> Candidate:
        """The performance hint that everything is compared with."""
        return self.outcome.baseline

    @property
    def verdict(self) -> Verdict:
        """The answer."""
        return self.outcome.verdict

    @property
    def drop_in(self) -> Candidate:
        """The best configuration that keeps the model's own batch."""
        return self.outcome.drop_in

    @property
    def played_again(self) -> str:
        """How many rounds were played again because the host changed in them; empty where none was."""
        return played_again(*unsteady_rounds(self.trials, self.final))

    @property
    def targets(self) -> tuple[Standing, ...]:
        """How far each target came, single devices first."""
        targets = [target_of(device) for device in self.setting.targets]
        finalists = self.final.finalists if self.final else ()
        chosen = self.verdict.best if self.final and not self.final.trouble else None
        found = standings(self.trials, targets, chosen, finalists)
        if self.question.objective == "throughput":
            return found
        return tuple(replace(each, share_of_sum=None, share_of_gain=None) for each in found)

    def at_final_speed(self, measured: Trial | Candidate) -> Measured | None:
        """Return figures as they would be at the speed that the host had in the final.

        The speed of a host drifts during a search. So figures of different trials cannot be compared, but
        their paired ratios to the baseline can. A trial's rate is computed as its ratio times the baseline's
        rate, and its latencies change by the same factor. Figures of the final are returned unchanged, and
        all of them where items arrive: their rates are those of the arrivals, which say nothing of the host.
        """
        if isinstance(measured, Candidate) or self.question.arrives:
            return measured.measured
        if not (measured.speedup and measured.measured and self.baseline.measured):
            return measured.measured
        throughput_fps = measured.rate_ratio * self.baseline.measured.throughput_fps
        return measured.measured.at_rate(throughput_fps)

    @property
    def question(self) -> Question:
        """What the user wanted to know."""
        return self.setting.question

    @property
    def unmet(self) -> bool:
        """Whether what is advised breaks a limit, by its figures: nothing was found that keeps them all."""
        return (self.question.excess(self.verdict.best.measured) or 0.0) > 0

    @property
    def limits(self) -> tuple[str, ...]:
        """What each limit costs, in words: figures of advice and hint, and the best trial that breaks it."""
        return tuple(self._limit_in_words(*pair) for pair in enumerate(self.question.limits))

    @property
    def boundaries(self) -> tuple[str, ...]:
        """The highest rates of arrivals that hold the limits of the latency, in words, with their intervals.

        They are those of the final, of the advice and of the hint; empty for other questions.
        """
        named = {"hint": self.baseline}
        if self.verdict.best.configuration != self.baseline.configuration:
            named = {"advice": self.verdict.best, **named}
        limits = " and ".join(map(str, self.question.holding))
        return tuple(
            f"{name} {rate(found.ratio)} items/s with {limits}{_between(found)}"
            for name, each in named.items()
            if self.question.holding and (found := each.boundary)
        )

    def _limit_in_words(self, place: int, limit: Limit) -> str:
        named = {"hint": self.baseline}
        if self.verdict.best.configuration != self.baseline.configuration:
            named = {"advice": self.verdict.best, **named}
        values = [
            f"{name} {limit.standing(each.measured, each.bounds[place] if each.bounds else None)}"
            for name, each in named.items()
            if each.measured
        ]
        others = [other for other in self.question.limits if other != limit]
        beyond = [
            trial
            for trial in self.trials
            if trial.speedup
            and trial.measured
            and trial.rounds
            and limit.excess(trial.measured) > 0
            and all(other.excess(trial.measured) <= 0 for other in others)
        ]
        best = max(beyond, key=lambda trial: trial.ratio, default=None)
        if best and best.speedup and best.measured and best.ratio > self.verdict.best.ratio:
            change = gain(best.ratio, metric=best.speedup.metric)
            values.append(f"without it {best.configuration}: {change}, {limit.say(best.measured)} (a trial)")
        return f"{limit}: {'; '.join(values)}"

    @property
    def precision(self) -> str | None:
        """What the advice changes in precision, and by how much; None where precision is not searched."""
        advice, hint = self.verdict.best.measured, self.baseline.measured
        if not (advice and advice.agreement and hint and hint.agreement):
            return None
        return what_changed(advice.agreement, hint.agreement)

    @property
    def price(self) -> Price | None:
        """What a gain of throughput costs; None where nothing is faster or a figure is unknown."""
        return price_of(self.verdict, self.baseline) if self.question.objective == "throughput" else None

    @property
    def cheaper(self) -> Cheaper | None:
        """What keeps most of a small gain where its price is high: of the final, or else of the front.

        A trial counts that was measured whole, is within this run's bounds, and is the latest of its program.
        """
        price, hint, best = self.price, self.baseline.measured, self.verdict.best
        if price is None or hint is None:
            return None
        finalists = self.final.finalists if self.final else ()
        met = {best.effective, *(finalist.effective for finalist in finalists)}
        latest = {trial.effective: trial for trial in self.trials if trial.rounds}
        others = (
            replace(trial.as_candidate(), measured=measured)
            for trial, measured in self.front
            if trial.state == "measured" and trial.effective not in met
            if latest.get(trial.effective) is trial and self.setting.bounds.allow(trial.configuration)
            if (self.question.excess(measured) or 0.0) <= 0
        )
        able = (
            each
            for each in finalists
            if not each.disqualified and each.effective != best.effective
            if not self.question.limits or self.question.keeps(each.bounds)
        )
        return cheaper_than(price, able, others, hint)

    @property
    def front(self) -> tuple[tuple[Trial, Measured], ...]:
        """Trials that no other trial beats in both throughput and p99 latency, fastest first.

        A load fixes the throughput: under it the CPU time of an item stands in its place, least first. The
        figures are those of `at_final_speed`.
        """
        figures = [(trial, self.at_final_speed(trial)) for trial in self.trials if trial.speedup]
        known = [(trial, measured) for trial, measured in figures if measured]
        known.sort(key=lambda pair: (self._cost(pair[1]), pair[1].latency_ms.p99))
        front: list[tuple[Trial, Measured]] = []
        for trial, measured in known:
            if not front or measured.latency_ms.p99 < front[-1][1].latency_ms.p99:
                front.append((trial, measured))
        return tuple(front)

    def _cost(self, measured: Measured) -> float:
        """Return what the front weighs against p99 latency: the less, the better."""
        if self.question.load:
            return measured.cpu_ms_per_item or math.inf
        return -measured.throughput_fps


def _between(boundary: Speedup) -> str:
    if not math.isfinite(boundary.high):
        return ""
    span = f"{100 * boundary.confidence:.0f} % interval {rate(boundary.low)} to {rate(boundary.high)}"
    return f" ({span}, {count(boundary.sittings, 'sitting')}; plan with {rate(boundary.low)} at most)"


def _row(candidate: Candidate) -> str:
    found = candidate.speedup
    figures = [gain(found.ratio, metric=found.metric)] if found else []
    figures += [f"{rate(candidate.measured.throughput_fps)} items/s"] if candidate.measured else []
    return ": ".join(part for part in (str(candidate.configuration), ", ".join(figures)) if part)
