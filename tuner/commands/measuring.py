"""A host of a search: what is read on it before anything is measured, and the lanes on which it measures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tuner.commands.asked import Asked
from tuner.commands.lanes import LanesFor, outputs_in_f32, with_batch_axes
from tuner.domain.host import Host
from tuner.domain.model import Model
from tuner.domain.result import Notice
from tuner.domain.target import Target
from tuner.measure.blobs import Blobs
from tuner.measure.neighbour import Neighbour
from tuner.measure.sentinel import watching
from tuner.probe.devices import Device, facts, list_devices, quota_here, schedules, with_blobs
from tuner.probe.host import OTHER_LOAD, available_mb, describe_host, host_warnings, stolen_seconds
from tuner.probe.inputs import make_pool
from tuner.probe.model import ModelReading, read_model
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import ThisHost
from tuner.tuning.progress import Observer, Step, Warned
from tuner.tuning.remarks import host_notices, model_notices
from tuner.tuning.spaces import Layout, refuse_impossible, refuse_precisions
from tuner.tuning.strategy import Strategy, strategy_for, within
from tuner.tuning.targets import targets_for


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is read before a search may have to wait for another: so wrong options are refused at once.

    Attributes:
        present: The devices here.
        targets: What to search.
        reading: The model.
        took_s: Seconds that it took; they count to the budget, those of waiting do not.
    """

    present: tuple[Device, ...]
    targets: tuple[Target, ...]
    reading: ModelReading
    took_s: float


@dataclass(frozen=True, slots=True)
class Ready:
    """What a host knows of a search before its first trial; it can be sent to another host.

    Attributes:
        model: The model, its batch axes proved here.
        host: This host, in the place that the search has.
        targets: What to search.
        layout: Lays out the space of each target.
        strategy: How to spend the budget here.
        item_mb: What an item in flight takes at most, in MiB.
        notices: What cannot be searched or checked on this model.
    """

    model: Model
    host: Host
    targets: tuple[Target, ...]
    layout: Layout
    strategy: Strategy
    item_mb: float
    notices: tuple[Notice, ...]


def begin(asked: Asked, tell: Observer) -> Beginning:
    """Find the targets, read the model, and check that the samples fit it.

    Raises:
        TunerError: They cannot be used, or do not fit what was asked for.
    """
    started_s = time.monotonic()
    tell(Step("reading the model"))
    present = list_devices(asked.plugins_file)
    names = [device.name for device in present]
    targets = targets_for(asked.devices, names, asked.batching, asked.question)
    refuse_precisions(asked.bounds.precision, _searched_alone(targets, present))
    reading = read_model(asked.model, asked.shapes)
    if asked.inputs:
        make_pool((*reading.batched, reading.unbatched)[0], asked.inputs, asked.seed)
    return Beginning(present, targets, reading, time.monotonic() - started_s)


@contextmanager
def measuring(
    asked: Asked,
    began: Beginning,
    budget: Budget,
    stopped: Callable[[], bool] = lambda: False,
    tell: Observer = lambda _: None,
    neighbour: Neighbour | None = None,
) -> Iterator[tuple[Ready, ThisHost]]:
    """Prove the batch, lay out the spaces, and prepare the lanes; they are closed at the end.

    Raises:
        TunerError: The model does not run, or what was asked for is impossible here.
    """
    present, targets, reading = began.present, began.targets, began.reading
    devices = _searched_alone(targets, present)
    host = describe_host(asked.plugins_file)
    warnings = [notice for notice in host_warnings() if not (neighbour and notice.code == OTHER_LOAD)]
    lanes_for = LanesFor(asked, stopped, budget.left_s, reading.files)
    tell(Step("checking whether the model takes batches"))
    model, inputs_matter = with_batch_axes(reading, present, devices, lanes_for)

    refuse_impossible(asked.bounds, model, devices, targets)
    layout, reference = _layout(asked, model, devices, targets), None
    if asked.bounds.precision is not None:
        tell(Step("computing the outputs in f32"))
        reference = outputs_in_f32(lanes_for(model), model, present)
    ready = Ready(
        model,
        host,
        targets,
        layout,
        within(strategy_for(asked.question), quota_here()),
        reading.item_mb,
        tuple(model_notices(model, inputs_matter)),
    )
    for warning in warnings:
        tell(Warned(warning))
    with ExitStack() as stack:
        blobs = stack.enter_context(closing(Blobs(with_blobs(devices))))
        used = {name for target in targets for name in target.devices}
        sentinel = stack.enter_context(watching(host, used, crowded=neighbour is not None))
        lanes = lanes_for(model, blobs, sentinel=sentinel, neighbour=neighbour)
        lanes.reference = reference
        disturbances = _disturbances(host.cores, neighbour)
        yield ready, stack.enter_context(closing(ThisHost(lanes, available_mb, disturbances, warnings)))


def _disturbances(cores: int, neighbour: Neighbour | None) -> Callable[[], Sequence[Notice]]:
    """Return what tells what has disturbed this host from now on."""
    began_s, stolen_before_s = time.monotonic(), stolen_seconds()

    def so_far() -> Sequence[Notice]:
        cpu_s = cores * max(time.monotonic() - began_s, 1e-9)
        return tuple(host_notices((stolen_seconds() - stolen_before_s) / cpu_s, neighbour))

    return so_far


def _searched_alone(targets: Sequence[Target], present: Sequence[Device]) -> list[Device]:
    """Return the devices that are targets by themselves, in the targets' order."""
    by_name = {device.name: device for device in present}
    return [by_name[target.devices[0]] for target in targets if not target.kind]


def _layout(asked: Asked, model: Model, devices: Sequence[Device], targets: Sequence[Target]) -> Layout:
    return Layout(
        model,
        asked.bounds,
        asked.batching,
        {device.name: facts(device, Path(model.path), asked.plugins_file) for device in devices},
        {target: schedules(target, asked.plugins_file) for target in targets if target.combines},
        asked.question,
    )
