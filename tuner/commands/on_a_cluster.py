"""A search on the hosts of a Ray cluster: what is sent to them, and how each gets ready."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.advice.fingerprint import compare
from tuner.commands.asked import Asked
from tuner.commands.measuring import Ready, begin, measuring
from tuner.domain.kind import kind_of
from tuner.domain.target import target_of
from tuner.errors import ModelError, TunerError, UsageError
from tuner.measure.interrupt import interruptible
from tuner.measure.leftovers import folder_of_a_search
from tuner.measure.lock import host_lock
from tuner.measure.neighbour import running
from tuner.measure.place import placed
from tuner.probe.host import describe_host
from tuner.probe.model_files import digest, is_file, is_model, model_file, parts_of, readable
from tuner.tuning.budget import Budget, Moment
from tuner.tuning.hosts import HostsGone, ThisHost
from tuner.tuning.progress import Observer

if TYPE_CHECKING:
    from tuner.tuning.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Parcel:
    """Files that are sent to another host.

    Attributes:
        name: What was given: a file's or a folder's name.
        files: Bytes by path, relative to the folder that `name` is in.
    """

    name: str
    files: Mapping[str, bytes]

    @classmethod
    def of(cls, whole: Path, parts: Sequence[Path]) -> Parcel:
        """Pack the parts of a file or folder.

        Raises:
            ModelError: One of them lies outside of its folder, or cannot be read.
        """
        base, name = os.path.split(os.path.abspath(whole))  # noqa: PTH100  # links stay as they are named
        names = {os.path.relpath(part, base): part for part in parts}
        if any(each.startswith(os.pardir) for each in names):
            raise ModelError(
                f"'{whole}' has files outside of its folder, which cannot be sent to other hosts; put them "
                "beside it."
            )
        with readable(whole):
            return cls(name, {each: part.read_bytes() for each, part in names.items()})

    def unpack(self, folder: Path) -> Path:
        """Write the files into a folder, and return the path of the whole."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder / self.name


@dataclass(frozen=True, slots=True)
class SearchElsewhere:
    """Gets another host ready for a search; it is called there.

    Attributes:
        asked: What the user asks of the search, with paths of the host where it was asked.
        model: The model's files.
        path: What OpenVINO reads of them, where the search was asked for.
        sha256: Hash of their bytes.
        inputs: Files with samples, by input name.
    """

    asked: Asked
    model: Parcel
    path: str
    sha256: str
    inputs: Mapping[str, Parcel]

    @classmethod
    def of(cls, asked: Asked) -> SearchElsewhere:
        """Pack what a search needs.

        Raises:
            ModelError: A file cannot be read.
            UsageError: Something cannot be sent.
        """
        require_sendable(asked)
        with readable(asked.model):
            model = Parcel.of(asked.model, list(parts_of(asked.model)))
            sha256 = digest(asked.model)
        inputs = {name: Parcel.of(path, samples_at(name, path)) for name, path in asked.inputs.items()}
        return cls(replace(asked, storage=""), model, str(model_file(asked.model)), sha256, inputs)

    @property
    def budget_s(self) -> float:
        """Seconds that the search may take."""
        return self.asked.budget_s

    def __call__(
        self, budget: Budget, stopped: Callable[[], bool]
    ) -> AbstractContextManager[tuple[Ready, ThisHost]]:
        """Unpack the files, and return what prepares the lanes; it does not keep the content of the files.

        Raises:
            TunerError: The search is impossible here.
        """
        with ExitStack() as stack:
            folder = stack.enter_context(folder_of_a_search())
            inputs = {
                name: parcel.unpack(folder / f"input {number}")
                for number, (name, parcel) in enumerate(self.inputs.items())
            }
            asked = replace(self.asked, model=self.model.unpack(folder), inputs=inputs)
            return _measuring_elsewhere(
                asked, self.asked.model, self.path, self.sha256, budget, stopped, stack.pop_all()
            )


@contextmanager
def _measuring_elsewhere(
    asked: Asked,
    model: Path,
    path: str,
    sha256: str,
    budget: Budget,
    stopped: Callable[[], bool],
    unpacked: ExitStack,
) -> Iterator[tuple[Ready, ThisHost]]:
    """Wait until no other search measures here, and prepare the lanes for files that are unpacked.

    `model` and `path` are those where the search was asked for, `sha256` the hash of their bytes there.
    """
    with unpacked as stack:
        began = begin(asked, _quiet)
        if began.reading.unbatched.sha256 != sha256:
            raise ModelError(f"'{model}' did not arrive as it was sent; run the command again.")
        stack.enter_context(host_lock(asked.command, lambda _: None, stopped))
        budget.follow(Moment(asked.budget_s, began.took_s, budget.looks))  # waiting does not count
        neighbour = stack.enter_context(running(asked.question.beside))
        stack.enter_context(placed(asked.cpus, asked.cpuset))
        ready, host = stack.enter_context(measuring(asked, began, budget, stopped, _quiet, neighbour))
        there = replace(ready.model, path=path)
        yield replace(ready, model=there, layout=replace(ready.layout, model=there)), host


@contextmanager
def on_a_cluster(
    asked: Asked, address: str, hosts: str | None, tell: Observer
) -> Iterator[tuple[Ready, Cluster]]:
    """Connect with a cluster, and yield what its first host knows, and what measures on all of them.

    Raises:
        UsageError: Ray is missing, there is no cluster, or no host of it has the labels.
        TunerError: The search is impossible there.
    """
    labels, opening, kind_there = labels_of(hosts), SearchElsewhere.of(asked), _kind_there(asked)
    with _connected(address), interruptible() as stopped:  # after Ray, which handles signals, too
        from tuner.tuning.cluster import Cluster

        cluster = Cluster(opening, why_not_with, kind_there, stopped, tell, labels)
        del opening  # it holds the model; from here on the cluster's object store does
        with closing(cluster):
            yield cluster.ready(), cluster


def require_sendable(asked: Asked) -> None:
    """Make sure that a search can be sent to other hosts, as far as that is known without reading all of it.

    Raises:
        ModelError: There is no model.
        UsageError: Something cannot be sent.
    """
    if asked.plugins:
        raise UsageError(
            "plugins= names libraries of this host, which cannot be sent to others; leave ray= out."
        )
    with readable(asked.model):
        if not is_model(asked.model):
            raise ModelError(
                f"No model at '{asked.model}'; give the path of an IR (.xml), ONNX or other model file."
            )


def kinds_of_hosts(asked: Asked, address: str, hosts: str | None) -> Mapping[str, str | None]:
    """Return the kinds of host that a cluster has, each with why it cannot be searched, or None if it can.

    Raises:
        UsageError: Ray is missing, there is no cluster, or no host of it has the labels.
    """
    labels = labels_of(hosts)
    with _connected(address):
        from tuner.tuning.nodes import kinds_with

        return kinds_with(labels, _kind_there(asked))


@contextmanager
def _connected(address: str) -> Iterator[None]:
    try:
        from tuner.tuning.ray_connection import connected
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise UsageError(
            f"ray='{address}' needs the package Ray; install it with: pip install 'openvino-tuner[ray]'"
        ) from error
    with connected(address):
        try:
            yield
        except HostsGone as gone:
            raise TunerError(f"Nothing was measured: {gone}; run the same command again.") from gone


def _kind_there(asked: Asked) -> Callable[[], str]:
    """Return what tells the kind of the host on which it is called."""
    return partial(kind_here, tuple(name for device in asked.devices for name in target_of(device).devices))


def kind_here(devices: Sequence[str] = ()) -> str:
    """Return the name of this host's kind; of the devices those that are named count, if any are."""
    return kind_of(describe_host(), devices)


def why_not_with(first: Ready, other: Ready) -> str | None:
    """Return why another host cannot measure beside the first one, or None if it can."""
    used = {name for target in first.targets for name in target.devices}
    fit = compare(first.host, other.host, sorted(used))
    if fit.level == "different":
        return str(fit)
    if first.targets != other.targets:
        theirs, ours = (", ".join(map(str, ready.targets)) for ready in (other, first))
        return f"it has {theirs} to search, and not {ours}"
    if first.model != other.model:
        refused = other.model.batch_refusal or first.model.batch_refusal or "its batch is another one"
        return f"the model is not the same to it: {refused}"
    return None


def labels_of(hosts: str | None) -> Mapping[str, str]:
    """Return the labels of the hosts that a user wants: `kind=xeon,zone=a`.

    Raises:
        UsageError: It has another form.
    """
    pairs = [pair.partition("=") for pair in (hosts or "").split(",") if pair]
    if hosts is not None and not (pairs and all(name.strip() and value.strip() for name, _, value in pairs)):
        raise UsageError(f"hosts={hosts!r} is not a list of labels; give for example 'kind=xeon,zone=a'.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def samples_at(name: str, path: Path) -> list[Path]:
    """Return the files with samples of an input.

    Raises:
        UsageError: There is none.
    """
    files = sorted(part for part in path.iterdir() if part.is_file()) if path.is_dir() else [path]
    if not files or not all(map(is_file, files)):
        raise UsageError(f"inputs= names no file for '{name}' ('{path}'); give a file, or a folder of files.")
    return files


def _quiet(_event: object) -> None:
    """Tell nobody: nobody looks at that host."""
