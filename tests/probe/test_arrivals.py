"""A recording of arrivals is a text file; anything else is refused in a sentence."""

import os

import pytest

from tuner.errors import UsageError
from tuner.probe import arrivals
from tuner.probe.arrivals import read_arrivals


def test_a_recording_is_a_load(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_bytes(b"\xef\xbb\xbfseconds\r\n10.0\r\n10.5\r\n12.0\r\n")
    load = read_arrivals(path)
    assert load.rate == pytest.approx(1.0)
    assert load.source == str(path)
    path.write_text("10.0\n10.5\n12.5\n")
    assert read_arrivals(path).sha256 != load.sha256


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv", "a\0b"):
        with pytest.raises(UsageError, match=r"cannot be read .*; give a text file with arrival times"):
            read_arrivals(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="cannot be read"):
        read_arrivals(tmp_path / "pipe")


def test_bytes_that_are_no_text_are_no_numbers(tmp_path):
    (tmp_path / "model.bin").write_bytes(bytes(range(128, 256)))
    with pytest.raises(UsageError, match="in line 1, which is no number"):
        read_arrivals(tmp_path / "model.bin")


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(arrivals, "MOST_BYTES", 10)
    (tmp_path / "long.csv").write_text("1\n" * 20)
    with pytest.raises(UsageError, match="is larger than"):
        read_arrivals(tmp_path / "long.csv")
