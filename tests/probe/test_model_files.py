"""Which files make up a model, and what a model's folder is called."""

from pathlib import Path

from tests import models
from tuner.commands.asked import output_of
from tuner.probe.model import read_model
from tuner.probe.model_files import digest, is_model, name_of


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
