"""Which blobs are whose, without a device that keeps them: that is in tests/gpu/inside/test_lanes.py."""

import shutil
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tuner.domain.configuration import Configuration, Effective
from tuner.measure.blobs import Blobs
from tuner.measure.lane import LaneFacts

pytestmark = pytest.mark.alone

HINT = {"PERFORMANCE_HINT": "THROUGHPUT"}
GPU_ALONE = Configuration.of("GPU", HINT, 1, 2)


@pytest.fixture
def blobs(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    blobs = Blobs(frozenset({"GPU"}))
    yield blobs
    blobs.close()
    assert list(tmp_path.iterdir()) == []


def facts(streams, optimal=2):
    effective = Effective(("GPU.0",), streams, None, False, "f16", 1, 4)
    return LaneFacts(effective, optimal, compile_s=10.0, reopen_s=1.0, memory_mb=500.0)


def test_requests_and_explicit_streams_share_a_blob_and_nothing_else_does(blobs):
    def folder(properties, batch=1, requests=1):
        return blobs.of(Configuration.of("GPU", properties, batch, requests)).folder

    shared = folder({"NUM_STREAMS": 1})
    assert folder({"NUM_STREAMS": 2}, requests=8) == shared
    others = {
        folder(HINT),
        folder({"NUM_STREAMS": 1}, batch=2),
        folder({"NUM_STREAMS": 1, "GPU_QUEUE_PRIORITY": "HIGH"}),
    }
    assert len({shared, *others}) == 4


def test_what_a_lane_must_be_is_what_the_first_one_was(blobs):
    hint = Configuration.of("GPU", HINT, 1, 4)
    assert blobs.of(hint).expected is None
    blobs.learn(hint, facts(2, optimal=4))
    expected = blobs.of(hint).expected
    assert expected.met_by(facts(2).effective, 4)
    assert not expected.met_by(facts(1).effective, 4)
    assert not expected.met_by(facts(2).effective, 2)
    assert expected.memory_mb == 500.0
    assert blobs.of(hint).hint_streams == {"GPU": 2}


def test_a_wait_is_not_compiled_so_all_waits_share_a_blob(blobs):
    first, other = (Configuration.of("GPU", HINT, 8, 2, wait_ms) for wait_ms in (40.0, 80.0))
    assert blobs.of(first).folder == blobs.of(other).folder
    waited = facts(2, optimal=4)
    blobs.learn(first, replace(waited, effective=replace(waited.effective, max_wait_ms=40.0)))
    for configuration in (first, other):
        assert blobs.of(configuration).expected.met_by(facts(2).effective, 4)


def test_other_streams_are_expected_to_differ_in_streams_only(blobs):
    blobs.learn(Configuration.of("GPU", {"NUM_STREAMS": 1}, 1, 4), facts(1, optimal=1))
    expected = blobs.of(Configuration.of("GPU", {"NUM_STREAMS": 2}, 1, 4)).expected
    assert expected.met_by(facts(2).effective, 2)
    assert not expected.met_by(facts(1).effective, 1)


def test_a_combination_knows_the_streams_of_its_devices_hints(blobs):
    blobs.learn(Configuration.of("GPU", HINT, 1, 4), facts(2))
    assert blobs.of(Configuration.of("MULTI:GPU,CPU", HINT, 1, 6)).hint_streams == {"GPU": 2}
    assert blobs.of(Configuration.of("CPU", HINT, 1, 2)) is None


def test_nobody_else_can_read_the_folder(blobs):
    folder = Path(blobs.of(Configuration.of("GPU", HINT, 1, 1)).folder)
    assert folder.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_somebody_has_removed_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with closing(Blobs(frozenset({"GPU"}))) as blobs:
        first = blobs.of(GPU_ALONE)
        shutil.rmtree(Path(first.folder).parent)
        assert Path(blobs.of(GPU_ALONE).folder).is_dir()


def test_without_room_for_temporary_files_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    with closing(Blobs(frozenset({"GPU"}))) as blobs:
        assert blobs.of(GPU_ALONE) is None
