"""What a search found: trials, the final, and everything a report or an advice is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tuner.domain.configuration import Configuration, Effective
from tuner.domain.model import Model
from tuner.domain.sample import Measured, Round
from tuner.domain.stats import Speedup
from tuner.domain.target import Target

TrialState = Literal["measured", "pruned", "duplicate", "failed"]
VerdictKind = Literal["faster", "keep_hint", "inconclusive"]

MINIMUM_GAIN = 0.01
"""A gain below this is not worth leaving the portable hint."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration that was tried.

    Attributes:
        number: Position in the study, from 0.
        configuration: What was asked for.
        state: `pruned` trials were measured until they had clearly lost; `duplicate` ones are, by
            their effective configuration, an earlier one; `failed` ones could not run.
        rounds: Paired rounds against the baseline, the baseline first.
        effective: What the device made of it.
        speedup: Estimate from the rounds (a duplicate's is that of its original); no claim, the
            final makes those.
        measured: Figures over its windows.
        window_s: Mean time that one of its windows took, in seconds.
        compile_s: Seconds to read, reshape and compile the model.
        reopen_s: Seconds that another lane is expected to take for that; less where blobs are kept.
        reason: Why it failed, or the configuration that it duplicates.
        took_s: Seconds from its beginning to its end; None for a hint's, which are measured together.
    """

    number: int
    configuration: Configuration
    state: TrialState
    rounds: tuple[Round, ...] = ()
    effective: Effective | None = None
    speedup: Speedup | None = None
    measured: Measured | None = None
    window_s: float | None = None
    compile_s: float | None = None
    reason: str | None = None
    took_s: float | None = None
    reopen_s: float | None = None

    @property
    def ratio(self) -> float:
        """The estimated speedup; 0 where there is none."""
        return self.speedup.ratio if self.speedup else 0.0


@dataclass(frozen=True, slots=True)
class Finalist:
    """One configuration of the final, the baseline included.

    Attributes:
        configuration: What was compiled.
        effective: What the device made of it; None for one sent home before it ran.
        speedup: Against the baseline; the intervals of all finalists hold together.
        measured: Figures over its windows of the final.
        disqualified: Why it cannot win (its answers differ, its lane died), or None.
    """

    configuration: Configuration
    effective: Effective | None
    speedup: Speedup | None
    measured: Measured | None
    disqualified: str | None = None

    @property
    def ratio(self) -> float:
        """The measured speedup; 1 for the baseline, 0 for one that never ran."""
        return self.speedup.ratio if self.speedup else 1.0 if self.measured else 0.0


@dataclass(frozen=True, slots=True)
class Final:
    """A fresh comparison of the baseline with the best few, from which alone the verdict comes.

    Attributes:
        baseline: The performance hint.
        finalists: The best few, in the order of the rounds' lanes from 1 on.
        rounds: Raw rounds; index 0 is the baseline, then every finalist that could run.
        trouble: What cut it short, or None when it ran to its end.
        interrupted: Whether it was the user who cut it short.
    """

    baseline: Finalist
    finalists: tuple[Finalist, ...]
    rounds: tuple[Round, ...]
    trouble: str | None = None
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Attributes:
        kind: `faster`, `keep_hint` or `inconclusive`.
        best: What to deploy; the baseline unless `faster`.
        speedup: Of `best` when `faster`, else of the closest challenger; None without rounds.
        challenger: The configuration that `speedup` speaks of, or None.
        why: What stood in the way of a clearer answer, or None.
    """

    kind: VerdictKind
    best: Finalist
    speedup: Speedup | None = None
    challenger: Configuration | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Warning:
    """Something that makes the figures worth less, and what to do about it.

    Attributes:
        code: Short stable name, e.g. `other-load`.
        text: One sentence for people.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Host:
    """The machine.

    Attributes:
        cpu: Processor name.
        cores: Logical cores that this process may use.
        memory_mb: Main memory, in MiB.
        os: Operating system and release.
        openvino: OpenVINO's version.
        devices: Full name by device.
        cgroup_cores: Limit of its control group in cores, or None.
        drivers: Driver version by device, where one tells it.
    """

    cpu: str
    cores: int
    memory_mb: int
    os: str
    openvino: str
    devices: Mapping[str, str]
    cgroup_cores: float | None = None
    drivers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SearchRun:
    """How a result came about.

    Attributes:
        version: The tuner's own version.
        command: The command line, or the call.
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
class Standing:
    """How far one of several targets came.

    Attributes:
        target: Device string.
        best: What was chosen, where it is of this target; else its fastest finalist; else its fastest
            trial, by estimate: no claim.
        share_of_sum: Of a combination: its speed over the sum of what its devices reach alone.
        share_of_gain: Of automatic batching: its gain over the device's own hint as a share of that of the
            device's best explicit batch, where there is one that gains.
    """

    target: str
    best: Trial | Finalist
    share_of_sum: float | None = None
    share_of_gain: float | None = None


def standings(
    trials: Sequence[Trial],
    targets: Sequence[Target],
    chosen: Finalist | None = None,
    finalists: Sequence[Finalist] = (),
) -> tuple[Standing, ...]:
    """Return every target's best, for the targets that have a trial, in their order."""
    running = [one for one in finalists if one.disqualified is None]
    best: dict[Target, Trial | Finalist] = {}
    for target in targets:
        for known in ([chosen] if chosen else [], running, trials):
            own = [one for one in known if one.ratio and target.covers(one.configuration.device)]
            if own:
                best[target] = max(own, key=lambda one: one.ratio)
                break
    alone = {target.devices[0]: trial.ratio for target, trial in best.items() if not target.kind}

    def of_sum(target: Target) -> float | None:
        known = target.combines and all(device in alone for device in target.devices)
        return best[target].ratio / sum(alone[device] for device in target.devices) if known else None

    def of_gain(target: Target) -> float | None:
        own = [one for one in trials if one.ratio and one.configuration.device == target.devices[0]]
        if target.kind != "BATCH" or not own:
            return None
        hint = own[0]
        batched = (one.ratio for one in own if one.configuration.batch > hint.configuration.batch)
        gain = max(batched, default=0.0) / hint.ratio - 1
        return (best[target].ratio / hint.ratio - 1) / gain if gain > MINIMUM_GAIN else None

    return tuple(Standing(str(target), one, of_sum(target), of_gain(target)) for target, one in best.items())


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a search knows at its end.

    Attributes:
        model: The model.
        host: The machine.
        baseline: The hint as measured: in the final, else over the search.
        trials: Every trial of the study, earlier runs included.
        final: The final, or None when it did not begin.
        verdict: The answer.
        drop_in: The best that keeps the model's own batch; the baseline where that is the hint.
        warnings: What makes the figures worth less.
        run: How it came about.
        points: Configurations in the space.
        covered: How many of them are known: tried, or the same as one that was.
        interrupted: Whether the user stopped it.
        targets: How far each target came, single devices first.
        importance: Each parameter's share of what makes a configuration fast; empty where unknown.
        switches: Switches around the best, in words, and whether each was tried; not among the `points`.
    """

    model: Model
    host: Host
    baseline: Finalist
    trials: Sequence[Trial]
    final: Final | None
    verdict: Verdict
    drop_in: Finalist
    warnings: Sequence[Warning]
    run: SearchRun
    points: int
    covered: int
    interrupted: bool
    targets: Sequence[Standing]
    importance: Mapping[str, float] = field(default_factory=dict)
    switches: Mapping[str, bool] = field(default_factory=dict)

    def at_final_speed(self, trial: Trial | Finalist) -> Measured | None:
        """Return a trial's figures as they would be at the speed that the host had in the final.

        A host drifts while a search goes on, so figures of different trials do not compare; their
        paired ratios to the baseline do. The rate is the ratio times the baseline's rate, and
        latencies are stretched by as much as the rate was corrected.
        """
        if isinstance(trial, Finalist) or not (trial.speedup and trial.measured and self.baseline.measured):
            return trial.measured
        throughput_fps = trial.speedup.ratio * self.baseline.measured.throughput_fps
        stretch = trial.measured.throughput_fps / throughput_fps
        return Measured(throughput_fps, trial.measured.latency_ms.scaled(stretch), trial.measured.memory_mb)

    @property
    def front(self) -> tuple[tuple[Trial, Measured], ...]:
        """Trials that no other beats in both throughput and p99 latency, fastest first.

        The figures are those of `at_final_speed`.
        """
        figures = [(trial, self.at_final_speed(trial)) for trial in self.trials if trial.speedup]
        known = [(trial, measured) for trial, measured in figures if measured]
        known.sort(key=lambda one: (-one[1].throughput_fps, one[1].latency_ms.p99))
        front: list[tuple[Trial, Measured]] = []
        for trial, measured in known:
            if not front or measured.latency_ms.p99 < front[-1][1].latency_ms.p99:
                front.append((trial, measured))
        return tuple(front)
