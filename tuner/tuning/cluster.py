"""The hosts of a Ray cluster: each measures one trial at a time, against a baseline of its own.

Ray starts an actor on each host, sends it the model, and tells when a host is lost; `ThisHost` measures, as
without a cluster. Resources of Ray are logical: an actor reserves all CPUs of its node, and still shares it
with programs that are not Ray's. Source: Moritz et al., *Ray: A Distributed Framework for
Emerging AI Applications*, OSDI 2018.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import wraps
from importlib.metadata import version
from typing import Any, Literal, Protocol, TextIO, cast

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from tuner.domain.configuration import Configuration
from tuner.domain.figures import count
from tuner.domain.history import History
from tuner.domain.result import Notice
from tuner.domain.trial import Final, Trial
from tuner.errors import DeviceError, Interrupted, LaneError, TunerError, UsageError, reason
from tuner.tuning.budget import Budget, Moment
from tuner.tuning.final import Plan
from tuner.tuning.hints import Hints
from tuner.tuning.hosts import Hosts, Work
from tuner.tuning.progress import Observer, Warned

POLL_S = 0.2
"""Seconds that are waited for an answer, before it is looked whether the user asked to stop."""

LOOK_S = 2.0
"""Seconds after which it is looked for hosts that joined."""

STOPPING_S = 10.0
"""Seconds that hosts get to end what they measure, once the user asked to stop."""

FINALS = 2
"""Hosts that hold the final, where there are so many: the second one tells whether a claim travels."""

Labels = Mapping[str, str]


class Opening(Protocol):
    """Gets a host ready; it is called there."""

    @property
    def budget_s(self) -> float:
        """Seconds that the search may take."""

    def __call__(
        self, budget: Budget, stopped: Callable[[], bool]
    ) -> AbstractContextManager[tuple[Any, Hosts]]:
        """Return what the host knows of the search before its first trial, and what measures on it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answers.

    Attributes:
        value: What was asked for; None where there is an error.
        error: Why it cannot be had.
        available_mb: The memory that a further lane may take on it, in MiB.
    """

    value: Any = None
    error: TunerError | None = None
    available_mb: float = float("inf")


def _answering(method: Callable[..., Any]) -> Callable[..., Answer]:
    """Return the method with its answer, or its error, as data."""

    @wraps(method)
    def answered(self: RemoteHost, *given: Any) -> Answer:
        try:
            value = method(self, *given)
        except TunerError as error:
            return Answer(error=_that_travels(error))
        return Answer(value, None, self.available_mb())

    return answered


def _that_travels(error: TunerError) -> TunerError:
    """Return an error that is made of its sentence alone, as pickle wants it."""
    kinds = (LaneError, Interrupted, DeviceError, UsageError)
    kind = next((each for each in kinds if isinstance(error, each)), type(error))
    return kind(str(error))


class RemoteHost:
    """In a process on a host of the cluster: gets it ready, and does what the search asks for."""

    def __init__(self) -> None:
        """Measure nothing yet."""
        if (
            "OMP_NUM_THREADS" in os.environ
        ):  # Ray sets it for what it starts; programs without Ray do not have it
            del os.environ["OMP_NUM_THREADS"]
        self._stack, self._stopped = ExitStack(), threading.Event()
        self._host: Hosts | None = None
        self._in_trials, self._rounds = False, 0

    @_answering
    def open(self, opening: Opening) -> tuple[Labels, Any]:
        """Get this host ready, and return its versions and what it knows of the search."""
        self._budget = Budget(opening.budget_s, None, time.monotonic)
        ready, self._host = self._stack.enter_context(opening(self._budget, self._stopped.is_set))
        return versions(), ready

    @_answering
    def join(self, work: Work, trials: Sequence[Trial], moment: Moment) -> Hints:
        """Open the hints; measure those that are not among the trials."""
        self._history = History(trials, work.bounds, work.question)
        self._budget.follow(moment)
        return self._measuring.open_hints(work, self._history, self._budget)

    @_answering
    def trial(self, configuration: Configuration, news: Sequence[Trial], moment: Moment) -> Trial:
        """Run a trial, knowing what ended on all hosts before."""
        self._begin(news, moment)
        self._measuring.start(configuration)
        return self._measuring.ended()

    @_answering
    def why_it_fails(self, configuration: Configuration, news: Sequence[Trial], moment: Moment) -> str | None:
        """Return why a configuration no longer runs here."""
        self._begin(news, moment)
        return self._measuring.why_it_fails(configuration)

    @_answering
    def final(self, plan: Plan, news: Sequence[Trial], moment: Moment) -> Final:
        """Hold a final."""
        self._learn(news, moment)
        self._measuring.end_trials()
        self._in_trials, self._rounds = False, 0
        return self._measuring.hold_final(plan, self._count)

    def rounds(self) -> int:
        """Return the rounds of the final so far; it is called while the final goes on."""
        return self._rounds

    def available_mb(self) -> float:
        """Return the memory that a further lane may take, in MiB."""
        return self._host.available_mb() if self._host else float("inf")

    def stop(self) -> None:
        """End what is measured; it is called meanwhile."""
        self._stopped.set()

    def close(self) -> None:
        """Close every lane, and let other searches measure here."""
        self._stopped.set()
        self._stack.close()

    @property
    def _measuring(self) -> Hosts:
        assert self._host
        return self._host

    def _learn(self, news: Sequence[Trial], moment: Moment) -> None:
        self._budget.follow(moment)
        for trial in news:
            self._history.add(trial)

    def _begin(self, news: Sequence[Trial], moment: Moment) -> None:
        self._learn(news, moment)
        if not self._in_trials:
            self._measuring.begin_trials()
            self._in_trials = True

    def _count(self, rounds: int) -> None:
        self._rounds = rounds


def versions() -> Labels:
    """Return the versions that have to be the same on all hosts."""
    packages = {"the tuner": "openvino-tuner", "OpenVINO": "openvino", "NumPy": "numpy"}
    return {
        "Python": platform.python_version(),
        **{name: version(package) for name, package in packages.items()},
    }


Doing = Literal["opening", "open", "joining", "free", "trial", "final"]


@dataclass(slots=True, eq=False)
class _Place:
    """A host of the cluster, as the search sees it."""

    node: str
    name: str
    actor: Any
    pending: Any = None
    doing: Doing = "opening"
    configuration: Configuration | None = None
    known: int = 0
    """Trials that it knows."""
    available_mb: float = float("inf")
    hints: Hints | None = None
    """What it measured when it joined."""


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect with a cluster at an address, `auto` or `ray://...`, or start one on this host: `local`.

    Raises:
        UsageError: There is none.
    """
    options: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with redirect_stdout(cast(TextIO, _WithoutRay(sys.stdout))):
        _connect(address, options)
        try:
            yield
        finally:
            ray.shutdown()


def _connect(address: str, options: Mapping[str, Any]) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **options)
    except (ConnectionError, ValueError, RuntimeError, OSError, AssertionError) as error:
        raise UsageError(
            f"ray='{address}' cannot be reached ({reason(error)}); start a cluster with 'ray start --head' "
            "and give its address, or give ray='local' to start one here."
        ) from error


class _WithoutRay:
    """Standard output without what threads of Ray print: where a host is lost, the last lines of its log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text of other threads."""
        return len(text) if threading.current_thread().name.startswith("ray_") else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@dataclass
class Cluster:
    """Measures on every host of a cluster that has the labels, and is like the first one.

    Attributes:
        opening: Gets a host ready.
        differs: Says why a host cannot measure beside the first one, by what both know; None if it can.
        stopped: Whether the user asked to stop.
        tell: Called with every event.
        labels: Labels of Ray's nodes that are used.
        notices: What happened to hosts.
        elsewhere: The last final on another host than the one that decides.
    """

    opening: Opening
    differs: Callable[[Any, Any], str | None]
    stopped: Callable[[], bool]
    tell: Observer = lambda _: None
    labels: Labels = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    elsewhere: Sequence[Final] = ()

    def __post_init__(self) -> None:
        """Send the model to the object store, from which hosts take it."""
        self._opening_ref = ray.put(self.opening)
        self._places: list[_Place] = []
        self._nodes: set[str] = set()
        self._first: Any = None
        self._again: deque[Configuration] = deque()
        self._ended: deque[Trial] = deque()
        self._finals: dict[_Place, Final] = {}
        self._last_error: TunerError | None = None
        self._looked_s = float("-inf")
        self._in_trials = False
        self._measured_on: set[str] = set()

    @property
    def measured_on(self) -> int:
        """See `Hosts`."""
        return len(self._measured_on)

    def ready(self) -> Any:
        """Wait until the first host is ready, and return what it knows of the search.

        Raises:
            TunerError: No host can be got ready.
        """
        while self._first is None:
            self._wait()
        return self._first

    def open_hints(self, work: Work, history: History, budget: Budget) -> Hints:
        """See `Hosts`."""
        self._work, self._history, self._budget = work, history, budget
        while True:
            self.ready()
            for place in self._are("open")[:1]:
                self._join(place)
                while place.doing == "joining":
                    self._wait()
                if place.hints:
                    return place.hints
            self._wait()

    def begin_trials(self) -> None:
        """See `Hosts`."""
        self._in_trials = True

    @property
    def free(self) -> bool:
        """See `Hosts`."""
        self._settle()
        return bool(self._are("free"))

    @property
    def running(self) -> Collection[Configuration]:
        """See `Hosts`."""
        return (*self._again, *(place.configuration for place in self._places if place.configuration))

    def start(self, configuration: Configuration) -> None:
        """See `Hosts`."""
        place = self._are("free")[0]
        place.doing, place.configuration = "trial", configuration
        place.pending = place.actor.trial.remote(configuration, *self._news(place))

    def ended(self) -> Trial:
        """See `Hosts`."""
        while not self._ended:
            self._settle()
            self._wait()
        return self._ended.popleft()

    def why_it_fails(self, configuration: Configuration) -> str | None:
        """See `Hosts`."""
        for place in self._are("free")[:1]:
            try:
                answer: Answer = ray.get(place.actor.why_it_fails.remote(configuration, *self._news(place)))
            except RayError as error:
                self._lose(place, error)
                break
            why: str | None = str(answer.error) if answer.error else answer.value
            return why
        return None

    def end_trials(self) -> None:
        """See `Hosts`; each host ends them when its final begins."""
        self._in_trials = False

    def hold_final(self, plan: Plan, on_round: Callable[[int], None]) -> Final:
        """See `Hosts`; where there are several hosts, two of them hold it at the same time.

        If one of them is lost, the other one's counts; if both are, it is held again.
        """
        self._finals.clear()
        rounds = 0
        while not self._finals or self._are("final"):
            self._join_those_that_are_open()
            holding = [] if self._finals or self._are("final") else self._are("free")[:FINALS]
            for place in holding:
                place.doing = "final"
                place.pending = place.actor.final.remote(plan, *self._news(place))
            try:
                self._wait()
            except Interrupted:
                self._end_finals()
                break
            rounds = self._tell_rounds(rounds, on_round)
        finals = list(self._finals.values())
        if not finals:
            raise Interrupted("stopped by the user")
        self.elsewhere = finals[1:]
        return finals[0]

    def available_mb(self) -> float:
        """See `Hosts`: the least of all hosts."""
        return min((place.available_mb for place in self._places), default=float("inf"))

    def close(self) -> None:
        """See `Hosts`."""
        for place in self._places:
            place.actor.stop.remote()
        closing = [place.actor.close.remote() for place in self._places]
        with suppress(RayError):
            ray.wait(closing, num_returns=len(closing), timeout=STOPPING_S) if closing else None
        for place in self._places:
            ray.kill(place.actor)
        self._places.clear()

    def _news(self, place: _Place) -> tuple[Sequence[Trial], Moment]:
        """Return the trials that a host does not know yet, and what time it is."""
        news, place.known = self._history.trials[place.known :], len(self._history.trials)
        return news, self._budget.moment()

    def _join(self, place: _Place) -> None:
        place.doing = "joining"
        place.pending = place.actor.join.remote(self._work, *self._news(place))

    def _are(self, doing: Doing) -> list[_Place]:
        return [place for place in self._places if place.doing == doing]

    def _join_those_that_are_open(self) -> None:
        for place in self._are("open"):
            self._join(place)

    def _settle(self) -> None:
        """Let hosts join that are ready, and start again what was lost with a host."""
        if self._in_trials:
            self._join_those_that_are_open()
            for _ in self._are("free")[: len(self._again)]:
                self.start(self._again.popleft())

    def _end_finals(self) -> None:
        """End the finals that go on, and take what they have found so far."""
        finals = self._are("final")
        for place in finals:
            place.actor.stop.remote()
        ray.wait([place.pending for place in finals], num_returns=len(finals), timeout=STOPPING_S)
        for place in finals:
            self._take(place)

    def _tell_rounds(self, done: int, on_round: Callable[[int], None]) -> int:
        """Tell of the rounds of the first host that holds a final, and return how many there are."""
        for place in self._are("final")[:1]:
            with suppress(RayError):
                rounds: int = ray.get(place.actor.rounds.remote(), timeout=1.0)
                if rounds > done:
                    on_round(rounds)
                    return rounds
        return done

    def _wait(self) -> None:
        """Wait a moment until a host answers, and take its answer.

        Raises:
            Interrupted: The user asked to stop.
            TunerError: There is no host, and the time is over, or none can be used.
        """
        if self.stopped():
            raise Interrupted("stopped by the user")
        self._look_for_hosts()
        pending = {place.pending: place for place in self._places if place.pending}
        if not pending:
            self._require_hope()
            time.sleep(POLL_S)
            return
        answered, _ = ray.wait(list(pending), timeout=POLL_S)
        for ref in answered:
            self._take(pending[ref])

    def _require_hope(self) -> None:
        """Make sure that there is a host, or time for one to come."""
        if any(place.doing in {"free", "open"} for place in self._places):
            return
        if self._first is None and self._last_error:
            raise self._last_error
        if self._first is not None and self._budget.left_s() <= 0:
            raise LaneError(self._gone())
        if self._first is None and not self._places:
            wanted = ",".join(f"{name}={value}" for name, value in self.labels.items())
            raise UsageError(
                f"The cluster has no host with hosts='{wanted}'; give a label that its nodes have."
                if wanted
                else "The cluster has no host with CPUs; start one with 'ray start --address=...'."
            )

    def _gone(self) -> str:
        return f"every host of the cluster is gone ({self._last_error or 'they do not answer'})"

    def _look_for_hosts(self) -> None:
        """Start an actor on every host that joined the cluster since the last look."""
        if time.monotonic() - self._looked_s < LOOK_S:
            return
        self._looked_s = time.monotonic()
        for node in ray.nodes():
            labels, cpus = node.get("Labels") or {}, node["Resources"].get("CPU", 0)
            wanted = all(labels.get(name) == value for name, value in self.labels.items())
            if not (node["Alive"] and cpus and wanted) or node["NodeID"] in self._nodes:
                continue
            self._nodes.add(node["NodeID"])
            actor = (
                ray.remote(RemoteHost)
                .options(
                    num_cpus=cpus,
                    max_concurrency=2,  # a final, and what is asked of it meanwhile
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
                )
                .remote()
            )
            place = _Place(node["NodeID"], f"{node['NodeManagerHostname']} ({node['NodeID'][:6]})", actor)
            place.pending = actor.open.remote(self._opening_ref)
            self._places.append(place)

    def _take(self, place: _Place) -> None:
        """Take the answer of a host."""
        ref, place.pending = place.pending, None
        doing, configuration = place.doing, place.configuration
        place.doing, place.configuration = "free", None
        try:
            answer: Answer = ray.get(ref, timeout=STOPPING_S)
        except RayError as error:
            self._lose(place, error, configuration)
            return
        place.available_mb = answer.available_mb
        if answer.error:
            self._dismiss(place, answer.error, configuration, doing)
        elif doing == "opening":
            self._opened(place, *answer.value)
        elif doing == "joining":
            place.hints = answer.value
            self._measured_on.add(place.node)
        elif doing == "trial":
            self._ended.append(answer.value)
        else:
            self._finals[place] = answer.value

    def _opened(self, place: _Place, theirs: Labels, ready: Any) -> None:
        """Take a host that is ready, if it is like the first one."""
        place.doing = "open"
        ours = versions()
        differing = [
            f"{name} is {theirs[name]}, here {ours[name]}" for name in ours if theirs[name] != ours[name]
        ]
        if differing:
            self._dismiss(
                place, UsageError(f"{'; '.join(differing)}; install the same versions on all hosts.")
            )
        elif self._first is None:
            self._first = ready
        elif why := self.differs(self._first, ready):
            self._dismiss(place, UsageError(f"it is another kind of host: {why}"))

    def _lose(self, place: _Place, error: RayError, configuration: Configuration | None = None) -> None:
        """Go on without a host that does not answer; its node is used again if it comes back."""
        why = reason(error.cause) if isinstance(error, RayTaskError) else "it does not answer any more"
        if not isinstance(error, RayTaskError):
            self._nodes.discard(place.node)
        self._leave(place, LaneError(f"{place.name}: {why}"), "host-lost", configuration)

    def _dismiss(
        self,
        place: _Place,
        error: TunerError,
        configuration: Configuration | None = None,
        doing: Doing = "opening",
    ) -> None:
        """Go on without a host that cannot measure; the last one's error is that of the search."""
        if isinstance(error, Interrupted):
            raise error
        others = [each for each in self._places if each is not place]
        if not others and doing != "opening":
            raise error
        self._leave(place, error, "host-refused", configuration)

    def _leave(
        self, place: _Place, error: TunerError, code: str, configuration: Configuration | None
    ) -> None:
        self._places.remove(place)
        self._last_error = error
        with suppress(RayError):
            ray.kill(place.actor)
        if configuration:
            self._again.append(configuration)
        left = count(len(self._places), "host")
        notice = Notice(code, f"{place.name} is left out: {str(error).rstrip('.')}; {left} left.")
        self.notices.append(notice)
        self.tell(Warned(notice))
