"""A model's files that change after they were read."""

import os
import shutil
import time

import pytest

from tests import models
from tuner.errors import ModelError
from tuner.probe.model import read_model
from tuner.probe.model_files import digest
from tuner.probe.unchanged import FilesAsRead, LaneReading


@pytest.fixture
def path(tmp_path):
    return models.mlp(tmp_path / "m.xml")


@pytest.fixture
def files(path):
    read = FilesAsRead(path)
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
    reading = LaneReading(files)
    way(path.with_suffix(ending))
    for look in (reading.require_still_there, reading.require_read_right, lambda: LaneReading(files)):
        with pytest.raises(
            ModelError, match=f"m{ending}' changed on disk while it was measured; put it back"
        ):
            look()


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_is_put_back_can_be_measured_again(path, files, way, tmp_path):
    kept = shutil.copy2(path.with_suffix(".bin"), tmp_path / "kept")
    way(path.with_suffix(".bin"))
    shutil.copy2(kept, path.with_suffix(".bin"))
    LaneReading(files).require_read_right()


def touched(weights):
    weights.touch()


def with_other_rights(weights):
    weights.chmod(0o640)


def linked(weights):
    os.link(weights, weights.with_name("link"))


def moved_away_and_back(weights):
    weights.rename(weights.with_name("away"))
    weights.write_bytes(b"other")
    weights.with_name("away").rename(weights)


def copied_away_and_back(weights):
    kept = shutil.copy2(weights, weights.with_name("kept"))
    written_in_place(weights)
    shutil.copy2(kept, weights)


HARMLESS = [with_other_rights, linked]
DOUBTFUL = [touched, moved_away_and_back, copied_away_and_back]


@pytest.mark.parametrize("way", [*HARMLESS, *DOUBTFUL])
def test_a_lane_that_read_files_while_they_were_touched_may_have_read_others(path, files, way):
    reading = LaneReading(files)
    way(path.with_suffix(".bin"))
    reading.require_still_there()
    with pytest.raises(ModelError, match=r"m.bin' was touched while a lane read it"):
        reading.require_read_right()


@pytest.mark.parametrize("way", HARMLESS)
def test_in_a_second_reading_names_and_rights_may_change(path, files, way):
    reading = LaneReading(files, again=True)
    way(path.with_suffix(".bin"))
    reading.require_read_right()


@pytest.mark.parametrize("way", [touched, written_in_place, with_the_old_times, moved_into_its_place])
def test_in_a_second_reading_bytes_may_not(path, files, way):
    reading = LaneReading(files, again=True)
    way(path.with_suffix(".bin"))
    with pytest.raises(ModelError):
        reading.require_read_right()


def test_a_model_that_is_touched_all_the_time_is_read(path, monkeypatch):
    def touch_and_go_on(_seconds):
        path.chmod(0o640)

    path.chmod(0o640)
    monkeypatch.setattr(time, "sleep", touch_and_go_on)
    read = FilesAsRead(path)
    path.chmod(0o640)
    assert read.seal() == digest(path)
    LaneReading(read, again=True).require_read_right()


def test_a_model_that_changes_while_it_is_read_is_refused(path):
    read = FilesAsRead(path)
    written_in_place(path)
    with pytest.raises(ModelError, match="changed while it was read; run the same command again"):
        read.seal()


def test_reading_a_model_keeps_what_its_files_were(path):
    reading = read_model(path)
    LaneReading(reading.files).require_read_right()
    assert reading.files.sha256 == reading.unbatched.sha256
    truncated(path)
    with pytest.raises(ModelError):
        LaneReading(reading.files)
