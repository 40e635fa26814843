"""A process on a host of a cluster: it gets the host ready, and does what the search asks for."""

from __future__ import annotations

import platform
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import wraps
from importlib.metadata import version
from typing import Any, Protocol

from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.result import Notice
from tuner.domain.trial import Final, Trial
from tuner.errors import DeviceError, Interrupted, LaneError, TunerError, UsageError
from tuner.tuning.budget import Budget, Moment
from tuner.tuning.final import Plan
from tuner.tuning.hints import Hints
from tuner.tuning.hosts import Hosts, Work


class Knowledge(Protocol):
    """What a host knows of a search before its first trial."""

    @property
    def notices(self) -> Sequence[Notice]:
        """What cannot be searched or checked on this model."""


class Opening(Protocol):
    """Gets a host ready; it is called there."""

    @property
    def budget_s(self) -> float:
        """Seconds that the search may take."""

    def __call__(
        self, budget: Budget, stopped: Callable[[], bool]
    ) -> AbstractContextManager[tuple[Knowledge, Hosts]]:
        """Return what the host knows of the search before its first trial, and what measures on it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answers.

    Attributes:
        value: What was asked for; None where there is an error.
        error: Why it cannot be had.
        available_mb: The memory that a further lane may take on it, in MiB.
        disturbances: What has disturbed it so far.
    """

    value: Any
    error: TunerError | None
    available_mb: float
    disturbances: Sequence[Notice]


def _answering(method: Callable[..., Any]) -> Callable[..., Answer]:
    """Return the method with its answer, or its error, as data."""

    @wraps(method)
    def answered(self: RemoteHost, *given: Any) -> Answer:
        try:
            value, error = method(self, *given), None
        except TunerError as raised:
            value, error = None, _of_one_sentence(raised)
        return Answer(value, error, self.available_mb(), self.disturbances())

    return answered


def _of_one_sentence(error: TunerError) -> TunerError:
    """Return an error that is made of its sentence alone, as pickle wants it."""
    kinds = (LaneError, Interrupted, DeviceError, UsageError, TunerError)
    kind = type(error) if len(error.args) == 1 else next(each for each in kinds if isinstance(error, each))
    try:
        return kind(str(error))
    except TypeError:  # it wants more than its sentence
        return next(each for each in kinds if isinstance(error, each))(str(error))


class RemoteHost:
    """Measures on its host, in one thread; `rounds` and `stop` are called meanwhile."""

    def __init__(self) -> None:
        """Measure nothing yet."""
        self._stack, self._stopped = ExitStack(), threading.Event()
        self._host: Hosts | None = None
        self._in_trials, self._rounds = False, 0

    @_answering
    def open(self, opening: Opening) -> tuple[Knowledge, Sequence[Notice], float]:
        """Get this host ready; return what it knows of the search, its own notices, and how long it took."""
        sys.modules["__main__"].__file__ = None  # lanes would import the script that Ray starts
        self._budget = Budget(opening.budget_s, None, time.monotonic)
        ready, self._host = self._stack.enter_context(opening(self._budget, self._stopped.is_set))
        return ready, self._host.notices, self._budget.spent_s()

    @_answering
    def join(self, work: Work, trials: Sequence[Trial], moment: Moment) -> Hints:
        """Open the hints; measure those that are not among the trials."""
        self._history = History(trials, work.bounds, work.question)
        self._budget.follow(moment)
        return self._measuring.open_hints(work, self._history, self._budget)

    @_answering
    def trial(self, configuration: Configuration, news: Sequence[Trial], moment: Moment) -> Trial | None:
        """Run a trial, knowing what ended on all hosts before."""
        self._begin_trials(news, moment)
        self._measuring.start(configuration)
        return self._measuring.ended()

    @_answering
    def why_it_fails(self, configuration: Configuration, news: Sequence[Trial], moment: Moment) -> str | None:
        """Return why a configuration no longer runs here."""
        self._begin_trials(news, moment)
        return self._measuring.why_it_fails(configuration)

    @_answering
    def end_trials(self) -> None:
        """Close the baseline's lane."""
        self._measuring.end_trials()
        self._in_trials = False

    @_answering
    def final(self, plan: Plan, news: Sequence[Trial], moment: Moment) -> Final:
        """Hold a final."""
        self._learn(news, moment)
        self._rounds = 0
        return self._measuring.hold_final(plan, self._count)

    def rounds(self) -> int:
        """Return the rounds of the final so far."""
        return self._rounds

    def available_mb(self) -> float:
        """Return the memory that a further lane may take, in MiB."""
        return self._host.available_mb() if self._host else float("inf")

    def disturbances(self) -> Sequence[Notice]:
        """Return what has disturbed this host so far."""
        return self._host.disturbances() if self._host else ()

    def stop(self) -> None:
        """End what is measured, after its current window."""
        self._stopped.set()

    def close(self) -> None:
        """Close every lane, and let other searches measure here."""
        self._stack.close()

    @property
    def _measuring(self) -> Hosts:
        assert self._host
        return self._host

    def _learn(self, news: Sequence[Trial], moment: Moment) -> None:
        self._budget.follow(moment)
        for trial in news:
            self._history.add(trial)

    def _begin_trials(self, news: Sequence[Trial], moment: Moment) -> None:
        self._learn(news, moment)
        if not self._in_trials:
            self._measuring.begin_trials()
            self._in_trials = True

    def _count(self, rounds: int) -> None:
        self._rounds = rounds


def versions() -> Mapping[str, str]:
    """Return the versions that have to be the same on all hosts, by name."""
    return {
        "Python": platform.python_version(),
        "the tuner": version("openvino-tuner"),
        "OpenVINO": version("openvino"),
        "NumPy": version("numpy"),
    }
