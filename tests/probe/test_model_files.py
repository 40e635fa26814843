"""Which files make up a model, and what a model's folder is called."""

import os
from pathlib import Path

import pytest

from tests import models
from tests.advice.advice_of import advice_of
from tuner.commands.asked import output_of
from tuner.errors import ModelError
from tuner.probe.model import read_model
from tuner.probe.model_files import digest, is_model, name_of, parts_of
from tuner.probe.unchanged import FilesAsRead


def saved_model(folder: Path) -> Path:
    """The files of a SavedModel, without their content."""
    for name in ("saved_model.pb", "fingerprint.pb", "variables/variables.index"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_a_folder_with_one_model_is_given_like_the_model(tmp_path):
    folder = tmp_path / "net.v1.5"
    folder.mkdir()
    path = models.mlp(folder / "m.xml")
    model = read_model(folder).unbatched
    assert (model.name, model.path, model.sha256) == ("net.v1.5", str(path), digest(path))
    assert is_model(folder)
    assert output_of(folder, None) == Path("reports/net.v1.5")


def test_the_working_folder_has_a_name_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert name_of(Path()) == tmp_path.name


def test_the_digest_covers_the_weights(tmp_path):
    path = models.mlp(tmp_path / "m.xml")
    before = digest(path)
    weights = path.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\7")
    assert digest(path) != before


def test_the_digest_of_a_saved_model_covers_its_files_and_no_report_beside_them(tmp_path):
    folder = saved_model(tmp_path / "net")
    before = digest(folder)
    (folder / "reports").mkdir()
    (folder / "reports" / "config.yaml").write_text("schema: 1")
    assert digest(folder) == before
    (folder / "variables" / "variables.index").write_text("other")
    assert digest(folder) != before


def test_a_folder_is_not_searched_for_models_in_its_depths(tmp_path, monkeypatch):
    (tmp_path / "include" / "deep").mkdir(parents=True)
    scandir = os.scandir

    def watched(folder):
        assert Path(folder).name != "include"
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", watched)
    with pytest.raises(ModelError, match="is a folder without a model"):
        read_model(tmp_path)
    assert list(parts_of(tmp_path)) == []


def test_a_folder_with_parts_that_must_not_be_looked_at_is_refused_like_any_other(tmp_path, monkeypatch):
    for name in ("closed", "link.onnx"):
        (tmp_path / name).mkdir()
    look = Path.stat

    def forbidden(path, **how):
        if path.name == "link.onnx" or path.parent.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, **how)

    monkeypatch.setattr(Path, "stat", forbidden)
    with pytest.raises(ModelError, match="is a folder without a model"):
        read_model(tmp_path)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".xml", "x/" * 3000])
def test_a_path_that_the_system_does_not_take_is_refused_with_its_name(name):
    with pytest.raises(ModelError, match=r"The model 'xx?.*' cannot be read \(File name too long\)"):
        read_model(name)
    assert name_of(Path(name)).startswith("x")


def test_a_model_that_the_system_cannot_read_is_refused_with_its_name(tmp_path, monkeypatch):
    path = models.mlp(tmp_path / "m.xml")
    advice = advice_of(path)
    opened = Path.open

    def broken(part, *how):
        if part.suffix == ".bin":
            raise OSError(5, "Input/output error", str(part))
        return opened(part, *how)

    monkeypatch.setattr(Path, "open", broken)
    for read in (lambda: read_model(path), FilesAsRead(path).seal, advice.compile):
        with pytest.raises(ModelError, match=r"The model '.*m.xml' cannot be read \(Input/output error\)"):
            read()
