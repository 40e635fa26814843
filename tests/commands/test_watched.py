"""Searches and checks on a processor of a few cores have a sentinel; nothing of it is left afterwards."""

import threading
from contextlib import nullcontext

import pytest

import tuner
from tests import models
from tests.advice.advice_of import advice_of, written
from tuner.errors import DeviceError, LaneError
from tuner.measure.sentinel import serves
from tuner.probe.host import describe_host


@pytest.fixture
def model(tmp_path):
    return models.mlp(tmp_path / "m.xml")


@pytest.fixture
def seen():
    """What the sentinel returned, or None where there is none; and the number of threads meanwhile."""
    return []


def look_and_stop(lanes, seen):
    seen.append((lanes.sentinel and lanes.sentinel(), threading.active_count()))
    raise LaneError("enough was seen")


def served(seen, threads):
    """Whether there was a sentinel where there should be one, with a thread for each core."""
    ((duration_s, meanwhile),) = seen
    host = describe_host()
    if not serves(host, ["CPU"]):
        return duration_s is None and meanwhile == threads
    return duration_s > 0 and meanwhile == threads + host.cores


def test_a_search_has_a_sentinel_while_it_measures(model, seen, monkeypatch, tmp_path):
    threads = threading.active_count()
    monkeypatch.setattr(
        "tuner.commands.measuring.with_batch_axes", lambda reading, *_: (reading.unbatched, True)
    )
    monkeypatch.setattr("tuner.commands.search.tune", lambda task: look_and_stop(task.hosts._lanes, seen))
    with pytest.raises(LaneError, match="enough was seen"):
        tuner.search(model, device="CPU", budget=10, output=tmp_path / "out")
    assert served(seen, threads)
    assert threading.active_count() == threads


def test_a_check_of_advice_has_a_sentinel_while_it_measures(model, seen, monkeypatch, tmp_path):
    config = written(advice_of(model), tmp_path / "config.yaml")
    threads = threading.active_count()
    monkeypatch.setattr("tuner.commands.verify.run_final", lambda lanes, *_: look_and_stop(lanes, seen))
    with pytest.raises(DeviceError, match="enough was seen"):
        tuner.verify(config, model=model, budget=10)
    assert served(seen, threads)
    assert threading.active_count() == threads


def test_every_device_of_a_target_must_be_one_that_a_sentinel_serves(model, seen, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        "tuner.commands.measuring.with_batch_axes", lambda reading, *_: (reading.unbatched, True)
    )
    monkeypatch.setattr("tuner.commands.search.tune", lambda task: look_and_stop(task.hosts._lanes, seen))
    monkeypatch.setattr(
        "tuner.commands.measuring.watching",
        lambda _, devices, **_options: asked.append(devices) or nullcontext(),
    )
    with pytest.raises(LaneError, match="enough was seen"):
        tuner.search(model, device="BATCH:CPU(8)", budget=10, output=tmp_path / "out")
    assert asked == [{"CPU"}]
