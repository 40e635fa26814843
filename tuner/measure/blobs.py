"""Keeps compiled models ("blobs") for later lanes of a search, so that slow compilations are not repeated.

OpenVINO writes a compiled model into `CACHE_DIR` and loads it in a tenth of a second, where a GPU compiles
for 2 to 30 seconds. But the loaded model may be another configuration: the GPU plugin's `THROUGHPUT` hint
comes back with one stream instead of two. So every lane that loads a blob reads back what it got, and uses
it only if it equals what the first lane compiled. Every search has a folder of its own and removes it at
its end.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tuner.domain.configuration import Configuration, Effective
from tuner.domain.target import target_of
from tuner.measure.lane import LaneFacts
from tuner.measure.leftovers import folder_of_blobs

STREAMS = "NUM_STREAMS"

MOST_BYTES = 2 << 30
"""Bytes of all blobs together; beyond it, those that were used longest ago are removed."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a lane must get when it loads a blob.

    Attributes:
        effective: What the first lane compiled; its number of requests and its wait do not matter.
        optimal_requests: `OPTIMAL_NUMBER_OF_INFER_REQUESTS` of the first lane, or None where only the
            streams decide it.
        memory_mb: Peak resident memory of compiling, in MiB: what an application without blobs needs.
    """

    effective: Effective
    optimal_requests: int | None
    memory_mb: float

    def met_by(self, effective: Effective, optimal_requests: int) -> bool:
        """Return whether the loaded model equals the compiled one."""
        loaded, compiled = (
            replace(each, requests=0, max_wait_ms=0.0) for each in (effective, self.effective)
        )
        return loaded == compiled and self.optimal_requests in {None, optimal_requests}


@dataclass(frozen=True, slots=True)
class Blob:
    """Where a lane loads or stores its compiled model.

    Attributes:
        folder: The `CACHE_DIR` for this configuration.
        expected: What loading it must give; None for the first lane, which compiles.
        hint_streams: Streams that the performance hint chose, by device: a blob does not contain them.
    """

    folder: str
    expected: Expected | None
    hint_streams: Mapping[str, int] = field(default_factory=dict)


class Blobs:
    """The blobs of a search on one model, in a private folder that `close` removes."""

    def __init__(self, devices: frozenset[str], most_bytes: int = MOST_BYTES) -> None:
        """Keep blobs for these devices, alone and in combinations, up to `most_bytes` in all."""
        self._devices, self._most_bytes = devices, most_bytes
        self._root: Path | None = None
        self._lock = -1
        self._known: dict[Configuration, LaneFacts] = {}

    def of(self, configuration: Configuration) -> Blob | None:
        """Return the place of a configuration's blob.

        None where no blobs are kept for its devices, or where there is no room for temporary files.
        """
        if not self._keeps(configuration):
            return None
        try:
            folder = self._folder(configuration)
        except OSError:
            return None
        streams = {device: self._hint_streams(device) for device in target_of(configuration.device).devices}
        known = {device: count for device, count in streams.items() if count}
        return Blob(str(folder), self._expected(configuration), known)

    def _folder(self, configuration: Configuration) -> Path:
        """Return a configuration's folder, made again where somebody has cleaned up temporary files."""
        if self._root is None:
            self._root, self._lock = folder_of_blobs()
        self._make_room(self._root)
        folder = self._root / hashlib.sha256(repr(_shared(configuration)).encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        return folder

    def learn(self, configuration: Configuration, facts: LaneFacts) -> None:
        """Keep the facts of the first lane of a configuration for comparison with later lanes."""
        if self._keeps(configuration):
            self._known.setdefault(_compiled(configuration), facts)

    def close(self) -> None:
        """Remove the folder."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            os.close(self._lock)
            self._root = None

    def _keeps(self, configuration: Configuration) -> bool:
        return not self._devices.isdisjoint(target_of(configuration.device).devices)

    def _expected(self, configuration: Configuration) -> Expected | None:
        """Return what loading must give, also where only a blob of other streams is known."""
        wanted = _compiled(configuration)
        if facts := self._known.get(wanted):
            return Expected(facts.effective, facts.optimal_requests, facts.memory_mb)
        alike = (facts for known, facts in self._known.items() if _shared(known) == _shared(wanted))
        first, streams = next(alike, None), wanted.plain_properties.get(STREAMS)
        if first is None or streams is None:
            return None
        return Expected(replace(first.effective, streams=int(streams)), None, first.memory_mb)

    def _hint_streams(self, device: str) -> int | None:
        """Return the streams that the hint chose on a device alone, or None where it is not known."""
        for known, facts in self._known.items():
            if known.device == device and STREAMS not in known.plain_properties:
                return facts.effective.streams
        return None

    def _make_room(self, root: Path) -> None:
        """Remove the blobs that were used longest ago until the others are small enough."""
        if not root.exists():
            return
        folders = sorted(root.iterdir(), key=lambda folder: folder.stat().st_mtime)
        sizes = {folder: sum(map(_size, folder.iterdir())) for folder in folders}
        for folder in folders:
            if sum(sizes.values()) <= self._most_bytes:
                return
            shutil.rmtree(folder, ignore_errors=True)
            del sizes[folder]


def _compiled(configuration: Configuration) -> Configuration:
    """Return the configuration without what is not compiled: requests, and how long a batch waits."""
    return replace(configuration, requests=0, max_wait_ms=0.0)


def _shared(configuration: Configuration) -> Configuration:
    """Return the configuration without what a blob can be loaded with: also a device's streams."""
    if target_of(configuration.device).combines:
        return _compiled(configuration)
    streams = tuple((name, 0 if name == STREAMS else value) for name, value in configuration.properties)
    return replace(_compiled(configuration), properties=streams)


def _size(file: Path) -> int:
    """Return a file's size; 0 for one that OpenVINO has meanwhile given its final name."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
