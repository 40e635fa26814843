"""Recordings that are damaged: they are read, or refused as a ValueError."""

import gzip
import json
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import recordings
from tests.faults.mutating import edited, edits_of
from tests.lanes.replayed import Landscape, read

quickly = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@cache
def recorded():
    """A recording as plain data, a few of its entries."""
    whole = json.loads(gzip.decompress(recordings.path_of("squeezenet").read_bytes()))
    return {**whole, "entries": whole["entries"][:4], "same": whole["same"][:4]}


@quickly
@given(edits=st.deferred(lambda: edits_of(recorded())))
def test_a_damaged_recording_is_read_or_refused(tmp_path, edits):
    path = tmp_path / "r.json.gz"
    path.write_bytes(gzip.compress(json.dumps(edited(recorded(), edits)).encode()))
    with suppress(ValueError):
        Landscape(read(path))


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:500], lambda whole: b"x", lambda whole: whole[:99] + b"x" * 99]
)
def test_a_broken_file_is_refused(tmp_path, damage):
    path = tmp_path / "r.json.gz"
    path.write_bytes(damage(recordings.path_of("squeezenet").read_bytes()))
    with pytest.raises(ValueError, match="is no recording"):
        read(path)
