"""What is sent to another host, and how it is unpacked there."""

import gc
import shutil
import sys
from dataclasses import replace

import onnx
import pytest

from tests import models
from tests.probe.test_onnx_files import network
from tuner.commands.asked import Asked
from tuner.commands.on_a_cluster import Parcel, SearchElsewhere, labels_of
from tuner.errors import ModelError, UsageError
from tuner.tuning.budget import Budget


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    return models.wide(folder / "m.xml")


def test_a_model_arrives_with_its_weights(model, tmp_path):
    opening = SearchElsewhere.of(Asked(model, tmp_path / "out"))
    shutil.rmtree(model.parent)
    arrived = opening.model.unpack(tmp_path / "there")
    assert arrived == tmp_path / "there" / "m.xml"
    assert arrived.with_suffix(".bin").stat().st_size > 0


def test_a_folder_with_a_model_in_it_keeps_its_name(model, tmp_path):
    opening = SearchElsewhere.of(Asked(model.parent, tmp_path / "out"))
    arrived = opening.model.unpack(tmp_path / "there")
    assert arrived == tmp_path / "there" / "here"
    assert sorted(path.name for path in arrived.iterdir()) == ["m.bin", "m.xml"]


def test_samples_arrive_too(model, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.npy").write_bytes(b"a")
    opening = SearchElsewhere.of(Asked(model, tmp_path / "out", inputs={"x": folder}))
    assert (opening.inputs["x"].unpack(tmp_path / "there") / "a.npy").read_bytes() == b"a"


def test_files_outside_of_the_model_s_folder_are_refused(model, tmp_path):
    with pytest.raises(ModelError, match="files outside of its folder"):
        Parcel.of(model, [model, tmp_path / "elsewhere.bin"])


def test_a_host_gets_ready_with_the_name_and_path_of_the_model_where_it_was_asked(model, tmp_path):
    opening = SearchElsewhere.of(Asked(model, tmp_path / "out", budget_s=20.0))
    with opening(Budget(20.0, None, lambda: 0.0), lambda: False) as (ready, host):
        assert ready.model.name == "m"
        assert ready.model.path == str(model)
        assert ready.layout.model == ready.model
        assert host.available_mb() > 0


def test_a_host_that_measures_does_not_hold_what_arrived(model, tmp_path):
    opening = SearchElsewhere.of(Asked(model, tmp_path / "out", budget_s=20.0))
    content = opening.model.files["m.bin"]
    before = sys.getrefcount(content)
    measuring = opening(Budget(20.0, None, lambda: 0.0), lambda: False)
    del opening
    with measuring:
        gc.collect()
        assert sys.getrefcount(content) == before - 1


def test_weights_in_files_of_their_own_arrive_beside_the_model(tmp_path):
    folder = tmp_path / "here"
    (folder / "w").mkdir(parents=True)
    onnx.save_model(
        network(), folder / "m.onnx", save_as_external_data=True, location="w/w.bin", size_threshold=0
    )
    opening = SearchElsewhere.of(Asked(folder / "m.onnx", tmp_path / "out", budget_s=20.0))
    shutil.rmtree(folder)
    with opening(Budget(20.0, None, lambda: 0.0), lambda: False) as (ready, _):
        assert ready.model.name == "m"
        assert ready.model.path == str(folder / "m.onnx")


def test_what_arrives_otherwise_than_it_was_sent_is_refused(model, tmp_path):
    opening = replace(SearchElsewhere.of(Asked(model, tmp_path / "out")), sha256="0" * 64)
    with (
        pytest.raises(ModelError, match="did not arrive as it was sent"),
        opening(Budget(20.0, None, lambda: 0.0), lambda: False),
    ):
        pass


@pytest.mark.parametrize("text", ["", "kind", "kind=", "=xeon", "kind=xeon,zone"])
def test_labels_without_a_name_or_a_value_are_refused(text):
    with pytest.raises(UsageError, match="is not a list of labels"):
        labels_of(text)


def test_labels_are_read():
    assert labels_of("kind=xeon, zone=a") == {"kind": "xeon", "zone": "a"}
    assert labels_of(None) == {}
