"""The space of a single device, with or without automatic batching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tuner.domain.axes import (
    BATCHES,
    ONE_CALLER,
    OWN,
    REQUESTS_PER_STREAM,
    batch_choices,
    common_axes,
    copies_axes,
    growing_axes,
    on_own_cores,
    requests_at,
    requests_read,
    stream_choices,
    threads_axis,
)
from tuner.domain.configuration import Configuration
from tuner.domain.copies import Slices, slices
from tuner.domain.place import Quota
from tuner.domain.properties import PlainValue
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.space import (
    DEFAULT,
    HINT,
    LATENCY_HINT,
    Axes,
    Bounds,
    Choice,
    DeviceFacts,
    Point,
    Space,
)
from tuner.domain.switches import SWITCHES, choice_made, property_set, switch_axes, switched
from tuner.domain.target import Target, target_of

GATHERED = (4, 8, 16, 32)
"""Items that automatic batching may gather into one inference."""

MAX_WAIT, MEAN_FILL = "max_wait", "mean"
WAITS: Mapping[Choice, float] = {MEAN_FILL: 1.0, "none": 0.0, "half": 0.5, "double": 2.0}
"""How long the first item of a batch may wait, in the times of `Question.wait_ms`."""

LONGEST_FILL_MS = 100.0
"""Batches that take longer to fill are not searched, where no limit of the latency says otherwise."""

SHORT_TIMEOUT_MS = 10
"""`AUTO_BATCH_TIMEOUT`, tried before its default of a second: with it, a batch that does not fill, as at the
end of every window, starts sooner."""


@dataclass(frozen=True, slots=True)
class DeviceSpace(Space):
    """Axes of one device.

    Attributes:
        hint_requests: Requests that the hint asks for at the model's own batch.
        cores: Physical cores of a processor, no more than a quota lasts for; of a hybrid one all threads,
            because fewer streams than cores leave some idle. 0 for other devices.
        hint: The hint's name.
        question: What the user wants to know.
        quota: CPU time that this process may use, where it is less than that of its cores.
        own_cores: Numbers of the hardware threads that copies share, neighbours beside each other.
    """

    hint_requests: int
    cores: int
    hint: str = "THROUGHPUT"
    question: Question = THROUGHPUT
    quota: Quota | None = None
    own_cores: tuple[int, ...] = ()

    def configuration(self, point: Point) -> Configuration:
        """Return the configuration at a point."""
        count, _, whose = str(point.get("copies", self.question.copies[0])).partition(" ")
        copies, own = int(count), slices(self.own_cores, int(count)) if whose == OWN else ()
        device, busy = self.target, self._busy(own)
        properties: dict[str, PlainValue] = {"PERFORMANCE_HINT": self.hint}
        if point["streams"] == LATENCY_HINT:
            busy, properties = 1, {"PERFORMANCE_HINT": "LATENCY"}
        elif point["streams"] != HINT:
            busy = int(point["streams"])
            properties = {"NUM_STREAMS": busy}
        properties = switched(point, properties)
        if (threads := point.get("threads", DEFAULT)) != DEFAULT:
            properties["INFERENCE_NUM_THREADS"] = int(threads)
        if "gathered" in point:
            gathered, target = int(point["gathered"]), target_of(device)
            device, busy = str(target.with_amounts({target.devices[0]: gathered})), busy * gathered
        if (timeout := point.get("timeout", DEFAULT)) != DEFAULT:
            properties["AUTO_BATCH_TIMEOUT"] = int(timeout)
        batch = int(point["batch"])
        wait_ms = self._wait_ms(batch, point.get(MAX_WAIT, MEAN_FILL))
        return Configuration.of(device, properties, batch, requests_at(point, busy), wait_ms, copies, own)

    def _busy(self, own: Slices) -> int:
        """Return the requests that the hint asks for, fewer where a copy has a share of the cores."""
        return (
            max(1, self.hint_requests * max(map(len, own)) // len(self.own_cores))
            if own
            else self.hint_requests
        )

    def _wait_ms(self, batch: int, choice: Choice) -> float:
        return self.question.wait_ms(batch, WAITS[choice])

    def properties_at(self, axis: str, choice: Choice) -> frozenset[str]:
        """Return the names of the properties that a choice sets."""
        if axis == "streams":
            return frozenset({"NUM_STREAMS"} if choice not in {HINT, LATENCY_HINT} else ())
        if axis == "threads":
            return frozenset({"INFERENCE_NUM_THREADS"} if choice != DEFAULT else ())
        return property_set(axis, choice)

    def _streams_axis(self, late_axis: str) -> str:
        return "streams"

    def _read(self, configuration: Configuration) -> Point:
        properties = configuration.plain_properties
        hint = properties.get("PERFORMANCE_HINT", self.hint)
        streams = properties.get("NUM_STREAMS", HINT if hint == self.hint else LATENCY_HINT)
        explicit = streams not in {HINT, LATENCY_HINT} and streams in self.axes["streams"]
        hint_busy = self._busy(configuration.slices)
        busy = int(streams) if explicit else 1 if streams == LATENCY_HINT else hint_busy
        gathered = target_of(configuration.device).members[0].amount or 1
        return {
            "streams": streams,
            "batch": configuration.batch,
            "gathered": gathered,
            "timeout": properties.get("AUTO_BATCH_TIMEOUT", DEFAULT),
            "threads": properties.get("INFERENCE_NUM_THREADS", DEFAULT),
            "copies": on_own_cores(configuration.copies) if configuration.slices else configuration.copies,
            **requests_read(self.axes, configuration.requests, busy * gathered),
            MAX_WAIT: next((choice for choice in WAITS if self._waits(configuration, choice)), MEAN_FILL),
            **{axis: choice_made(axis, properties) for axis in SWITCHES},
        }

    def _waits(self, configuration: Configuration, choice: Choice) -> bool:
        return self._wait_ms(configuration.batch, choice) == configuration.max_wait_ms


def device_space(
    facts: DeviceFacts,
    own_batch: int,
    batched: bool,
    bounds: Bounds,
    hint_requests: int,
    question: Question = THROUGHPUT,
) -> DeviceSpace:
    """Lay out the axes of a single device.

    Args:
        facts: What the device reports.
        own_batch: The model's own batch.
        batched: Whether batch may be searched.
        bounds: What the user allows.
        hint_requests: Requests that the hint asks for.
        question: What the user wants to know. One caller who waits sends single items, and few at a time;
            where latency is limited, the hint `LATENCY` is a choice beside the other.
    """
    one_caller = question.one_caller
    late = switch_axes(facts, True, bounds.precision)
    if question.load:
        batches = batches_under_load(facts, own_batch, question) if batched else (own_batch,)
        bounds = replace(bounds, batch=bounds.batch or batches)
    if question.arrives:
        late = {**late, MAX_WAIT: tuple(WAITS)}
    if one_caller:
        bounds = replace(bounds, batch=bounds.batch or (own_batch,), requests=bounds.requests or ONE_CALLER)
    axes: Axes = {"streams": stream_choices(facts, bounds, question.copies)}
    if question.weighs_latency and not one_caller and HINT in axes["streams"]:
        axes["streams"] = (*axes["streams"], LATENCY_HINT)
    axes |= threads_axis(facts, question)
    axes |= common_axes([facts], own_batch, batched, bounds, hint_requests)
    axes |= switch_axes(facts, False, bounds.precision, question.crowded)
    axes |= copies_axes(facts, question)
    growing = growing_axes([facts], batched, bounds, hint_requests)
    hint = "LATENCY" if one_caller else "THROUGHPUT"
    cores = facts.logical_cores if facts.hybrid else facts.physical_cores
    if facts.quota:
        cores = min(cores, facts.quota.counts[-1])
    return DeviceSpace(
        facts.target, axes, late, growing, hint_requests, cores, hint, question, facts.quota, facts.cores
    )


def batches_under_load(facts: DeviceFacts, own_batch: int, question: Question) -> tuple[int, ...]:
    """Return the batches that fill soon enough where items arrive by themselves, and the model's own."""
    load = question.load
    bounds = [limit.bound for limit in question.limits if limit.of_latency]
    longest_ms = min(bounds, default=LONGEST_FILL_MS)
    filled = {batch for batch in BATCHES if load and load.fill_ms(batch) <= longest_ms}
    return batch_choices([facts], {own_batch, *filled})


def gathering_space(
    target: Target, facts: DeviceFacts, own_batch: int, bounds: Bounds, hint_requests: int
) -> DeviceSpace:
    """Lay out the axes of automatic batching: how many items are gathered, and for how long at most.

    The application sends items of the model's own batch, many at the same time. A target with a number,
    like `BATCH:GPU(8)`, gathers that many; batches in the user's bounds are numbers of items to gather.
    """
    facts = replace(facts, writable=facts.writable - {"ALLOW_AUTO_BATCHING"})
    single = device_space(facts, own_batch, False, replace(bounds, batch=None), hint_requests)
    amount = target.members[0].amount
    usual = batch_choices([facts], set(GATHERED))
    wanted = (amount,) if amount else tuple(batch for batch in bounds.batch or () if batch > 1)
    axes = {**single.axes, "gathered": wanted or usual, "timeout": (SHORT_TIMEOUT_MS, DEFAULT)}
    if "requests_per_stream" in axes:
        axes["requests_per_stream"] = REQUESTS_PER_STREAM[:2]
    growing = {} if wanted else {"gathered": growing_axes([facts], True, bounds, hint_requests)["batch"]}
    return replace(single, target=str(target), axes=axes, growing=growing)
