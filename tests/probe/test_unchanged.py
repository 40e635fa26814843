"""A model's files that change after they were read."""

import os
import shutil

import pytest

from tests import models
from tuner.errors import ModelError
from tuner.probe.model import read_model
from tuner.probe.model_files import digest
from tuner.probe.unchanged import ReadFiles, Reading


@pytest.fixture
def path(tmp_path):
    return models.mlp(tmp_path / "m.xml")


@pytest.fixture
def files(path):
    read = ReadFiles(path)
    assert read.seal() == digest(path)
    return read


def other_bytes(path):
    content = path.read_bytes()
    return bytes([content[0] ^ 1]) + content[1:]


def written_in_place(weights):
    weights.write_bytes(other_bytes(weights))


def with_the_old_times(weights):
    before = weights.stat()
    weights.write_bytes(other_bytes(weights))
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))


def moved_into_its_place(weights):
    beside = weights.with_name("other")
    beside.write_bytes(other_bytes(weights))
    beside.replace(weights)


def truncated(weights):
    weights.write_bytes(b"")


def removed(weights):
    weights.unlink()


WAYS = [written_in_place, with_the_old_times, moved_into_its_place, truncated, removed]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ending", [".xml", ".bin"])
def test_other_bytes_are_noticed_however_they_came(path, files, way, ending):
    reading = Reading(files)
    way(path.with_suffix(ending))
    for look in (reading.holds, reading.ended, lambda: Reading(files)):
        with pytest.raises(ModelError, match="changed on disk while it was measured; put it back"):
            look()


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_is_put_back_can_be_measured_again(path, files, way, tmp_path):
    kept = shutil.copy2(path.with_suffix(".bin"), tmp_path / "kept")
    way(path.with_suffix(".bin"))
    shutil.copy2(kept, path.with_suffix(".bin"))
    Reading(files).ended()


def test_files_that_are_touched_still_hold_but_who_read_them_meanwhile_may_have_read_others(path, files):
    reading = Reading(files)
    path.touch()
    reading.holds()
    with pytest.raises(ModelError):
        reading.ended()
    Reading(files).ended()


def test_a_model_that_changes_while_it_is_read_is_refused(path):
    read = ReadFiles(path)
    written_in_place(path)
    with pytest.raises(ModelError, match="changed while it was read; run the same command again"):
        read.seal()


def test_reading_a_model_keeps_what_its_files_were(path):
    reading = read_model(path)
    Reading(reading.files).ended()
    assert reading.files.sha256 == reading.unbatched.sha256
    truncated(path)
    with pytest.raises(ModelError):
        Reading(reading.files)
