"""What the command line says while a search runs, as plain lines; fixed ones fit into 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tuner.domain.figures import (
    count,
    gain,
    interval,
    mebibytes,
    milliseconds,
    rate,
    share,
)
from tuner.domain.host import Host
from tuner.domain.model import Model
from tuner.domain.place import Place, Throttling
from tuner.domain.sample import Measured
from tuner.domain.stats import Speedup
from tuner.domain.trial import Candidate, Trial
from tuner.tuning.progress import BaselineReady, Began, FinalBegan

if TYPE_CHECKING:
    from tuner.probe.devices import Device

NAME_WIDTH = 36
LEAST_SHARE = 0.005  # less is written as 0 %
UNKNOWN, HINT = "unknown", "PERFORMANCE_HINT"
LEFT_WIDTH = 10


def seconds_left(left_s: float) -> str:
    """Return how long something is still to take."""
    return f"{left_s:.0f} s left" if left_s >= 0.5 else "finishing"


def header(began: Began, version: str) -> Iterator[str]:
    """Yield the lines about host and model."""
    yield f"openvino-tuner {version} on {_host(began.host)}"
    if place := place_words(began.host):
        yield f"place  {place}"
    yield f"model  {began.model.name}: {_inputs(began.model)}"


def baseline(ready: BaselineReady) -> Iterator[str]:
    """Yield the lines about the hints and the space."""
    hint = ready.baseline
    if hint.measured:
        name = hint_name(hint)
        which = "" if name == "THROUGHPUT" else f" ({HINT}={name})"
        figures_of = figures(hint.measured)
        yield f"hint   {hint.configuration.device}, {hint.effective or UNKNOWN}{which}: {figures_of}"
    for other in ready.others:
        of_first = f": {gain_words(other.speedup)}" if other.speedup else ""
        yield f"       {other.configuration.device}, {other.effective or UNKNOWN}{of_first}"
    for target, why in ready.left_out.items():
        yield f"out    {target}: {why}"
    known = f", {count(ready.known, 'trial')} known from earlier runs" if ready.known else ""
    yield f"space  {ready.points} configurations{known}"


def trial_lines(trial: Trial, best: Trial | None) -> Iterator[str]:
    """Yield what there is to say about a trial that ended; `best` is the best so far, itself included."""
    start = f"{trial.number:>3}  {trial.configuration!s:<{NAME_WIDTH}}"
    if len(start) > NAME_WIDTH + 5:  # a line of its own, so that figures stay in their column
        yield start
        start = " " * (NAME_WIDTH + 5)
    if trial.speedup is None or trial.measured is None:
        yield f"{start}  {trial.state}: {trial.reason}"
        return
    end = "over a limit" if not trial.keeps_limits else "best" if trial == best else trial.state
    yield f"{start} {gain_words(trial.speedup):>9} {rate(trial.measured.throughput_fps):>9}/s  {end}"


def trial_details(trial: Trial) -> Iterator[str]:
    """Yield the further lines about a trial that `-v` shows."""
    if trial.measured and trial.speedup and trial.compile_s is not None:
        memory = mebibytes(trial.measured.memory_mb)
        yield f"     {trial.effective or UNKNOWN}; compiled in {trial.compile_s:.2f} s"
        yield f"     {interval_words(trial.speedup)}; {figures(trial.measured)}; {memory}"


def best_line(best: Trial | None) -> str:
    """Return what is best so far."""
    if best is None or best.speedup is None:
        return "best so far: the hint"
    return f"best so far: {gain_words(best.speedup)} ({interval_words(best.speedup)}) {best.configuration}"


def final(began: FinalBegan) -> Iterator[str]:
    """Yield the lines about who is in the final, and why the best so far is not."""
    yield f"final: the hint against {'; '.join(map(str, began.finalists))}"
    if began.left_out:
        found = began.left_out.speedup
        leader = f"{began.left_out.configuration}" + (f" ({gain_words(found)})" if found else "")
        why = "the time left is too short for it, and the gain of the finalist is more certain"
        yield f"left out of the final: {leader}, because {why}"


def hint_name(hint: Candidate) -> object:
    """Return the performance hint of a configuration, in OpenVINO's spelling."""
    return hint.configuration.plain_properties.get(HINT, UNKNOWN)


def gain_words(speedup: Speedup) -> str:
    """Return a gain as it is shown in figures: `+5.7 %`."""
    return gain(speedup.ratio, metric=speedup.metric)


def interval_words(speedup: Speedup) -> str:
    """Return the interval of a gain, if there is one yet."""
    return interval(speedup.low, speedup.high, speedup.metric) or "no interval yet"


def figures(measured: Measured) -> str:
    """Return rate and latency, and how often a quota held it back."""
    p99, throttled = milliseconds(measured.latency_ms.p99), _throttled(measured.throttled)
    return f"{rate(measured.throughput_fps)} items/s{_copies(measured)}, p99 {p99}{throttled}"


def _throttled(found: Throttling | None) -> str:
    """Return how often a quota held it back, and the latency of what was not held; empty where it did not."""
    if found is None or found.periods < LEAST_SHARE:
        return ""
    free = f" (p99 without that {milliseconds(found.free_p99_ms)})" if found.free_p99_ms else ""
    return f", throttled in {share(found.periods)} of periods{free}"


def _copies(measured: Measured) -> str:
    """Return the rates of the slowest and the fastest copy; empty for a single process."""
    if not measured.copies_fps:
        return ""
    return f" ({rate(min(measured.copies_fps))} to {rate(max(measured.copies_fps))} a copy)"


def with_figures(candidate: Candidate) -> str:
    """Return a configuration with its rate, latency and memory, where they were measured."""
    measured = candidate.measured
    figures_of = f": {figures(measured)}, {mebibytes(measured.memory_mb)}" if measured else ""
    return f"{candidate.configuration}{figures_of}"


def _host(host: Host) -> str:
    return f"{host.cpu}, {host.cores} cores, {host.memory_mb / 1024:.0f} GiB, OpenVINO {host.openvino}"


def place_words(host: Host) -> str:
    """Return what control groups and a cpuset leave of a host; empty where that is all of it."""
    found = [f"{host.quota:g} of {host.cores} cores' time (a control group's quota)"] if host.quota else []
    found += [f"{count(len(host.cpuset), 'core')} ({_listed(host.cpuset)})"] if host.cpuset else []
    limit_mb = host.memory_limit_mb
    found += [f"{mebibytes(limit_mb)} of memory"] if limit_mb and limit_mb < host.memory_mb else []
    found += [f"weight {host.cpu_weight} beside other groups"] if host.cpu_weight else []
    return ", ".join(found)


def _inputs(model: Model) -> str:
    return ", ".join(f"{each.name}[{','.join(map(str, each.shape))}] {each.type}" for each in model.inputs)


def place_lines(here: Place) -> Iterator[str]:
    """Yield what this process may use of the host, and what the hint takes."""
    cores = f"{count(len(here.cores), 'core')} ({_listed(here.cores)})"
    if here.quota and here.quota.cores < len(here.cores):
        period = milliseconds(1e3 * here.quota.period_s)
        cores += f", of which a control group allows {here.quota.cores:g} cores' time in periods of {period}"
    yield f"place  {cores}"
    if here.memory_limit_mb:
        yield f"  memory        {mebibytes(here.memory_limit_mb)} in a control group"
    if here.weight:
        yield f"  weight        {here.weight} beside other groups"
    if here.hint_streams and here.hint_threads:
        hint = f"{count(here.hint_streams, 'stream')}, {count(here.hint_threads, 'thread')}"
        yield f"  hint on CPU   {hint}"


def _listed(cores: Sequence[int]) -> str:
    """Return numbers of cores as control groups list them: `0-3,8`."""
    parts: list[list[int]] = []
    for core in cores:
        if parts and parts[-1][-1] == core - 1:
            parts[-1].append(core)
        else:
            parts.append([core])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)


def device_list(devices: Sequence[Device]) -> Iterator[str]:
    """Yield the lines about devices and their ranges."""
    for device in devices:
        yield f"{device.name}  {device.full_name}"
        yield f"  streams       {_range(device.streams)}"
        yield f"  requests      {_range(device.requests)}"
        yield f"  precision     {device.precision or 'not reported'}"
        yield f"  capabilities  {', '.join(device.capabilities)}"


def _range(ends: tuple[int, int] | None) -> str:
    return f"{ends[0]} to {ends[1]}" if ends else "not reported"
