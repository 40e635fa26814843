"""`tuner.verify`: advice against the hint, or against other advice, here and now."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.advice.advice import Advice
from tuner.advice.fingerprint import Fit
from tuner.advice.loader import fitting, read
from tuner.advice.records import SpeedupRecord
from tuner.commands.asked import require_seed, require_time
from tuner.commands.asked_again import question_again, require_command, require_ratio, require_room
from tuner.commands.lanes import outputs_in_f32
from tuner.domain.configuration import Configuration
from tuner.domain.host import Host
from tuner.domain.load import Load
from tuner.domain.model import Model
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.stats import Speedup
from tuner.domain.target import target_of
from tuner.domain.trial import Candidate, Final
from tuner.domain.units import cores_of, cpuset_of, seconds_of
from tuner.domain.verdict import MINIMUM_GAIN
from tuner.errors import DeviceError, Interrupted, LaneError, UsageError
from tuner.measure.blobs import Blobs
from tuner.measure.boundary import items_for
from tuner.measure.guard import importable_script, refuse_while_imported
from tuner.measure.interrupt import interruptible
from tuner.measure.lane import ASK_DEVICE, CANNOT_FOLLOW, CANNOT_HOLD, Lanes, LoadError
from tuner.measure.lock import host_lock
from tuner.measure.neighbour import running
from tuner.measure.place import placed, require_place
from tuner.measure.process import ProcessLanes
from tuner.measure.sentinel import watching
from tuner.measure.time_limits import Limits
from tuner.probe.devices import list_devices, quota_here, with_blobs
from tuner.probe.host import describe_host
from tuner.probe.inputs import make_pool
from tuner.probe.unchanged import FilesAsRead
from tuner.runtime.compiling import require_model
from tuner.tuning.budget import Budget
from tuner.tuning.final import Plan, run_final
from tuner.tuning.progress import FinalRound, Observer, Started, Step, Waiting, ending
from tuner.tuning.strategy import Strategy, strategy_for, within

PROBES = 4
"""Probes that a boundary is expected to take."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a comparison here and now says of advice.

    Attributes:
        advice: What was checked.
        against: What it was compared with: `the hint`, or the path of other advice.
        fit: How this host compares with the host that was measured.
        model_changed: Whether the model is another file than the measured model.
        then: The speedup that the advice claims; None if it was compared with other advice.
        min_ratio: The least speedup that is asked for.
        holds: Whether the speedup reaches it.
        final: The comparison; None if both sides are the same configuration.
        now: The speedup that the comparison found; None without a comparison.
        limits: What the advice keeps of the limits that were asked for, in words; empty where there are none.
        overload: Which side cannot follow the load, in words; empty where both can.
    """

    advice: Advice
    against: str
    fit: Fit
    model_changed: bool
    then: SpeedupRecord | None
    min_ratio: float
    holds: bool
    final: Final | None = None
    now: Speedup | None = None
    limits: tuple[str, ...] = ()
    overload: str = ""

    @property
    def question(self) -> Question:
        """What the advice was asked for."""
        return self.advice.question.question if self.advice.question else THROUGHPUT

    @property
    def load(self) -> Load | None:
        """The load under which it was asked for, if there is one."""
        return self.question.load


def verify(
    config: str | os.PathLike[str],
    against: str | os.PathLike[str] | None = None,
    *,
    model: str | os.PathLike[str] | None = None,
    budget: str | float = "30s",
    min_ratio: float | None = None,
    inputs: Mapping[str, str | os.PathLike[str]] | None = None,
    arrivals: str | os.PathLike[str] | None = None,
    beside: str | None = None,
    cpus: str | float | None = None,
    cpuset: str | Sequence[int] | None = None,
    plugins: str | os.PathLike[str] | None = None,
    seed: int = 0,
    observer: Observer = lambda _: None,
    command: str | None = None,
) -> Verification:
    """Measure advice against the performance hint, or against other advice, here and now.

    What is compared is what the advice was asked for: throughput, p99 latency or CPU time, its limits, that
    of the difference from f32 included, and its load.

    In a script, call it under `if __name__ == "__main__":`: lanes are processes of their own.

    Args:
        config: The advice; in a merged file, the profile of the host most like this one.
        against: Other advice for the same model; if not given, the hint of `config`.
        model: Path of the model; the path of the search unless given.
        budget: Time for the comparison, e.g. `"30s"`, or seconds.
        min_ratio: Least speedup that is good enough; if not given, 1.01 against a hint (a smaller gain does
            not count), 1 against other advice; none for advice that only keeps limits.
        inputs: A `.npy` file, an image, or a directory of them, by input name.
        arrivals: The recording of arrivals that the advice was measured with, if it has moved.
        beside: The command beside which the advice was measured: a file does not start programs by itself.
        cpus: CPU time in cores, as for `tuner.search`.
        cpuset: Cores, as for `tuner.search`.
        plugins: OpenVINO's plugins XML with further devices.
        seed: Seed of the order of windows, of random inputs, and of random arrivals.
        observer: Called with every event; `tuner.progress()` shows them, `tuner.tuning.progress` has them.
        command: How to describe the call to others that wait for this host.

    Returns:
        What was found; `holds` is the answer.

    Raises:
        TunerError: With one sentence for the user.
    """
    refuse_while_imported("tuner.verify")
    budget_s = seconds_of(budget)
    require_seed(seed)
    require_ratio(min_ratio)
    cores, mask = (
        (cores_of(cpus) if cpus is not None else None),
        (cpuset_of(cpuset) if cpuset is not None else None),
    )
    require_place(cores, mask)
    here = describe_host(str(plugins) if plugins else None).within(cores, mask)
    advice = fitting(read(Path(config)), here)
    other = fitting(read(Path(against)), here) if against else None
    if other and other.model.sha256 != advice.model.sha256:
        raise UsageError(
            f"'{config}' is for the model '{advice.model.name}', '{against}' for another model "
            f"('{other.model.name}'); compare advice for one model."
        )
    path = advice.model_at(Path(model) if model else None)
    files = FilesAsRead(path)
    baseline = (other.best if other else advice.baseline).configuration
    question = question_again(advice, arrivals, seed)
    require_command(question, beside)
    is_hint = baseline == advice.best.configuration
    usual = 0.0 if is_hint or advice.verdict == "meets_limits" else 1 + MINIMUM_GAIN
    required = min_ratio if min_ratio is not None else 1.0 if other else usual
    unmeasured = Verification(
        advice=advice,
        against=str(against) if against else "the hint",
        fit=advice.fit(here),
        model_changed=files.seal() != advice.model.sha256,
        then=None if other else advice.speedup,
        min_ratio=required,
        holds=min_ratio is None or min_ratio <= 1.0,
    )
    require_time(question.load, budget_s)
    if is_hint and not question.limits:
        return unmeasured
    require_room(advice, other)
    require_model(path, advice.as_model(path))
    asks_device = other is None and unmeasured.fit.level == "different" and baseline.uses_hint
    if asks_device and not question.one_caller:
        baseline = replace(baseline, requests=ASK_DEVICE)  # as many as the hint takes on this host
    final = _compare(
        advice.as_model(path),
        files,
        baseline,
        advice.best.configuration,
        question=question,
        rate_fps=advice.measured.throughput_fps if advice.measured else 0.0,
        host=here,
        place=placed(cores, mask),
        budget_s=budget_s,
        seed=seed,
        inputs={name: Path(file) for name, file in (inputs or {}).items()},
        plugins=str(plugins) if plugins else None,
        command=command or f"tuner.verify({str(config)!r})",
        tell=observer,
    )
    if final.interrupted:
        raise Interrupted("stopped before the comparison was over; nothing was changed.")
    return judged(unmeasured, final, question)


def judged(unmeasured: Verification, final: Final, question: Question) -> Verification:
    """Return what a comparison says of the advice.

    Advice that cannot follow its load fails. Where only the other side cannot, it holds if it keeps its
    limits.

    Raises:
        DeviceError: The advice could not be measured.
    """
    (measured,) = final.finalists
    against = final.baseline.disqualified or ""
    if (measured.disqualified or "").startswith((CANNOT_FOLLOW, CANNOT_HOLD)):
        both = f"; {unmeasured.against} {against}" if against else ""
        overload = f"the advice {measured.disqualified}{both}"
        return replace(unmeasured, final=final, holds=False, overload=overload)
    if measured.measured is None or not (measured.speedup or against):
        why = final.trouble or measured.disqualified or "the time was too short"
        raise DeviceError(f"The advice could not be measured here: {why}.")
    figures, broken = measured.measured, question.broken(measured.measured)
    return replace(
        unmeasured,
        final=final,
        now=measured.speedup,
        holds=(measured.speedup is None or measured.speedup.ratio >= unmeasured.min_ratio) and not broken,
        limits=tuple(
            f"{limit}: {'broken' if limit in broken else 'kept'}, {limit.say(figures)}"
            for limit in question.limits
        ),
        overload=f"{unmeasured.against} {against}, and the advice can" if against else "",
    )


def _compare(
    model: Model,
    files: FilesAsRead,
    baseline: Configuration,
    candidate: Configuration,
    *,
    question: Question,
    rate_fps: float,
    host: Host,
    place: AbstractContextManager[None],
    budget_s: float,
    seed: int,
    inputs: Mapping[str, Path],
    plugins: str | None,
    command: str,
    tell: Observer,
) -> Final:
    """Compare two configurations as a search's final does.

    Raises:
        DeviceError: The baseline does not run here.
        Interrupted: The user asked to stop before the first round.
    """
    present = list_devices(plugins)
    devices = {name for each in (baseline, candidate) for name in target_of(each.device).devices}
    pool = make_pool(model, inputs, seed)  # a wrong name is told before there is a wait for another search
    with (
        ending(tell),
        importable_script(),
        interruptible() as stopped,
        host_lock(command, lambda holder: tell(Waiting(holder)), stopped),
        closing(Blobs(with_blobs(present))) as blobs,
        running(question.beside) as neighbour,
        place,
        watching(host, devices, crowded=neighbour is not None) as sentinel,
    ):
        strategy = within(strategy_for(question), quota_here())
        budget = Budget(budget_s, None, time.monotonic)
        tell(Started(budget_s))
        tell(Step("compiling both configurations"))
        lanes = ProcessLanes(
            model,
            pool,
            Limits(budget_s, budget.left_s),
            stopped,
            plugins=plugins,
            blobs=blobs,
            files=files,
            sentinel=sentinel,
            neighbour=neighbour,
            niceness=question.niceness,
        )
        if any(limit.figure == "error" for limit in question.limits):
            tell(Step("computing the outputs in f32"))
            lanes.reference = outputs_in_f32(lanes, model, present)

        def on_round(done: int) -> None:
            tell(FinalRound(done, budget.left_s()))

        try:
            rng = random.Random(seed)
            return compared(lanes, baseline, candidate, budget, strategy, rng, on_round, question, rate_fps)
        except LaneError as error:
            raise DeviceError(f"{baseline} does not run here: {error}.") from error


def compared(
    lanes: Lanes,
    baseline: Configuration,
    candidate: Configuration,
    budget: Budget,
    strategy: Strategy,
    rng: random.Random,
    on_round: Callable[[int], None],
    question: Question,
    rate_fps: float = 0.0,
) -> Final:
    """Compare two configurations; where the baseline cannot follow a load, measure the candidate alone.

    Raises:
        LaneError: The baseline does not run.
    """
    rounds = _rounds(question, rate_fps, budget.seconds, strategy)
    plan = Plan([candidate], rounds, strategy.sittings)
    try:
        return run_final(lanes, baseline, plan, budget, strategy, rng, on_round, question)
    except LoadError as error:
        if not str(error).startswith((CANNOT_FOLLOW, CANNOT_HOLD)):
            raise
        overloaded = Candidate(baseline, None, None, None, str(error))
    try:  # beside itself, so that there are as many sittings
        alone = run_final(lanes, candidate, plan, budget, strategy, rng, on_round, question)
    except LaneError as error:
        return Final(overloaded, (Candidate(candidate, None, None, None, str(error)),), ())
    return replace(alone, baseline=overloaded, finalists=(alone.baseline,))


def _rounds(question: Question, rate_fps: float, budget_s: float, strategy: Strategy) -> int:
    """Return the rounds of a sitting: fewer where items arrive so slowly that sittings would be too few.

    Where the highest rate is to be found, it is expected near `rate_fps`, after some probes.
    """
    window_s = question.load.window_s if question.load else 0.0
    if question.holding and rate_fps:
        window_s = PROBES * items_for(question.holding) / rate_fps
    most = budget_s / (2 * window_s * strategy.enough_sittings) if window_s else strategy.sitting_rounds
    return max(1, min(strategy.sitting_rounds, int(most)))
