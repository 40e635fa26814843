"""What every piece shares: lanes for a model, and a file of results that grows item by item."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

import tuner
from tests.benchmarks.models import MODELS
from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.stats import Speedup
from tuner.measure.lock import host_lock
from tuner.measure.process import ProcessLanes
from tuner.measure.sentinel import Sentinel, watching
from tuner.measure.time_limits import Limits
from tuner.probe.host import describe_host
from tuner.probe.inputs import make_pool
from tuner.probe.model import read_model

FOLDER = Path(__file__).parents[2] / "reports" / "evidence"
HINT = {"PERFORMANCE_HINT": "THROUGHPUT"}


class Evidence:
    """Results of one piece by item, with the command, host and versions that made them."""

    def __init__(self, piece: str) -> None:
        self._path = FOLDER / f"{piece}.json"
        self._data: dict[str, Any] = {
            "command": f"python -m tests.benchmarks.{piece}",
            "host": asdict(describe_host()),
            "items": {},
        }
        if self._path.exists():
            self._go_on(json.loads(self._path.read_text()))

    def _go_on(self, before: dict[str, Any]) -> None:
        """Take over what was measured before, on this host only: figures of two do not mix."""
        ours, theirs = (
            (data["host"]["cpu"], data["host"]["cores"], data["host"]["openvino"])
            for data in (self._data, before)
        )
        if ours != theirs:
            raise SystemExit(f"{self._path} is of another host ({theirs}, this is {ours}): move it away.")
        self._data = before

    def forget(self, name: str) -> None:
        """Drop a model's items, so that they are measured again."""
        kept = {item: found for item, found in self.items.items() if item.split(":")[0] != name}
        if kept != self.items:
            self._data["items"] = kept
            self._write()

    @property
    def items(self) -> dict[str, Any]:
        return self._data["items"]

    def save(self, item: str, **found: Any) -> None:
        """Keep an item's result at once."""
        date = datetime.now().astimezone().isoformat(timespec="seconds")
        self.items[item] = {**found, "date": date, "tuner": f"{tuner.__version__} at {_commit()}"}
        self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._data, indent=1) + "\n")


def _commit() -> str:
    """Return the commit that measures, marked where files differ from it."""
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, cwd=FOLDER.parent).stdout.strip()


@contextmanager
def quiet_host(piece: str) -> Iterator[None]:
    """Hold the host's lock, so that no search disturbs a benchmark."""
    with host_lock(f"benchmark {piece}", lambda holder: print(f"waiting for {holder}", flush=True)):
        yield


@contextmanager
def watched_host() -> Iterator[Sentinel | None]:
    """Yield the sentinel that a search on this host's CPU would have."""
    with watching(describe_host(), ["CPU"]) as sentinel:
        yield sentinel


def lanes_of(name: str, folder: Path, sentinel: Sentinel | None = None) -> tuple[Model, ProcessLanes]:
    """Return a benchmark model with its likeliest batch axes, and lanes for it."""
    reading = read_model(MODELS[name].make(folder), MODELS[name].shapes)
    model = (*reading.batched, reading.unbatched)[0]
    return model, ProcessLanes(model, make_pool(model, {}, 0), Limits(480.0), sentinel=sentinel)


def configuration(properties: dict[str, Any], batch: int, requests: int) -> Configuration:
    return Configuration.of("CPU", properties, batch, requests)


def as_data(configuration: Configuration) -> dict[str, Any]:
    """Return a configuration as JSON takes it."""
    return asdict(configuration)


def configuration_of(data: dict[str, Any]) -> Configuration:
    """Return the configuration that `as_data` made this of."""
    return msgspec.convert(data, Configuration)


def plain(found: Speedup) -> dict[str, Any]:
    """Return a speedup as JSON takes it: an unknown upper end is null."""
    return {key: None if value == float("inf") else value for key, value in asdict(found).items()}
