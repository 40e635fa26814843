"""The connection with a Ray cluster, and what Ray does to a program that has one."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import wraps
from io import StringIO
from typing import Any, ParamSpec, TextIO, TypeVar, cast

import ray
from ray.exceptions import RayError
from ray.util.client import ray as client

from tuner.errors import TunerError, UsageError, reason
from tuner.tuning.hosts import HostsGone

CUT = "the connection with the cluster is lost, and does not come back"

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

NOT_STARTED = "Starting Ray client server failed"
"""What the server of `ray://` says where a process that it forks hangs: now and then one does (Ray 2.60)."""

TRIES = 3
"""How often it is asked then; it takes 20 seconds to say so."""


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect with a cluster at an address, `auto` or `ray://...`, or start one on this host: `local`.

    A connection that the program has already is used, and stays.

    Raises:
        UsageError: There is none.
    """
    if ray.is_initialized():
        yield
        return
    on_sigterm = signal.getsignal(signal.SIGTERM)
    with redirect_stdout(cast(TextIO, _WithoutRay(sys.stdout))), _without_their_tracebacks():
        _connect(address)
        try:
            yield
        finally:
            with redirect_stdout(StringIO()):  # it prints what it kept of what it had to say of lost hosts
                ray.shutdown()
            if on_sigterm is not None and threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, on_sigterm)  # Ray has put its own in its place


def while_connected(method: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """Let a method of a search raise `HostsGone` where the connection with the cluster is lost."""

    @wraps(method)
    def guarded(*given: Given.args, **named: Given.kwargs) -> Answer:
        try:
            return method(*given, **named)
        except Exception as error:
            if is_outage(error):
                raise HostsGone(CUT) from error
            raise

    return guarded


def is_outage(error: Exception) -> bool:
    """Return whether an error says that a connection over `ray://` does not work.

    Ray tries for half a minute to mend one, then raises a plain ConnectionError for what was asked, and a
    plain Exception for what is asked later. What it is asked of the whole cluster it does not try again:
    gRPC's errors, and the ValueError of a channel that is closed, come through at once.
    """
    if isinstance(error, RayError | TunerError):
        return False
    of_grpc = type(error).__module__.partition(".")[0] == "grpc"
    closed = isinstance(error, ValueError) and re.search(r"closed channel|Channel closed", str(error))
    return type(error) is ConnectionError or of_grpc or bool(closed) or not ray.is_initialized()


def gcs_address() -> tuple[str, int] | None:
    """Return host and port at which the head of the cluster answers; None over `ray://`."""
    if client.is_connected():
        return None
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    return host.strip("[]"), int(port)


def _connect(address: str) -> None:
    options: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    for tries_left in reversed(range(TRIES)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ray.init(address=address, log_to_driver=False, logging_level="ERROR", **options)
            return
        except (ConnectionError, ValueError, RuntimeError, OSError, AssertionError, ImportError) as error:
            if tries_left and NOT_STARTED in str(error):
                continue
            raise UsageError(
                f"ray='{address}' cannot be reached ({_cause(error)}); start a cluster with 'ray start "
                "--head' and give its address, or give ray='local' to start one here."
            ) from error


def _cause(error: BaseException) -> str:
    """Return why there is no connection; what a server sends of its own traceback ends with it."""
    *_, last = str(error).split("Traceback (most recent call last):")
    return last.strip().splitlines()[-1] if last != str(error) and last.strip() else reason(error)


@contextmanager
def _without_their_tracebacks() -> Iterator[None]:
    """Print no traceback of gRPC's threads that watch a connection over `ray://` when it is closed."""
    print_it = threading.excepthook

    def unless_closed(failed: threading.ExceptHookArgs) -> None:
        if not (isinstance(failed.exc_value, ValueError) and "Channel closed" in str(failed.exc_value)):
            print_it(failed)

    threading.excepthook = unless_closed
    try:
        yield
    finally:
        threading.excepthook = print_it


class _WithoutRay:
    """A stream that drops what Ray's own threads print: where a host is lost, the last lines of its log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, unless a thread of Ray does."""
        return len(text) if threading.current_thread().name.startswith("ray_") else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
