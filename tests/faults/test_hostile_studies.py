"""Studies that another program wrote, or that hold what they never should."""

import os
import pickle
import sqlite3

import optuna
import pytest

from tests import models
from tests.advice.advice_of import HOST, advice_of
from tuner.errors import StorageError
from tuner.study.reading import read_results
from tuner.study.storage import Study


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return advice_of(models.mlp(tmp_path_factory.mktemp("model") / "m.xml")).as_model()


class Planted:
    """What would run if a pickle were read."""

    def __reduce__(self):
        return os.mkdir, ("planted",)


STRANGE = [
    "text",
    ["a", "list"],
    7,
    None,
    {},
    {"openvino": 1},
    {"model": ["x"]},
    [[]] * 3,
    True,
    {"a": {"b": {}}},
]


def a_study(path, **attributes):
    storage = f"sqlite:///{path}"
    study = optuna.create_study(storage=storage, study_name="m on CPU", direction="maximize")
    for name, value in attributes.items():
        study.set_user_attr(name, value)
    study.add_trial(
        optuna.trial.create_trial(value=1.0, user_attrs={"trial": attributes.get("trial", {"number": 0})})
    )
    study._storage._backend.remove_session() if hasattr(study._storage, "_backend") else None
    return path


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
def test_attributes_that_others_wrote_are_told_in_a_sentence(model, tmp_path, strange):
    path = a_study(
        tmp_path / "study.db", owner=strange, setting=strange, outcome=strange, final=strange, trial=strange
    )
    with pytest.raises(StorageError) as caught:
        read_results(str(path))
    assert "\n" not in str(caught.value)
    with pytest.raises(StorageError, match=r"did not write|belongs to another search"):
        Study(path, model, HOST, "CPU")
    ours = {"openvino": "2026", "model": "x"}
    other = a_study(
        tmp_path / "ours.db", owner=ours, setting={"run": strange}, outcome=strange, trial=strange
    )
    with pytest.raises(StorageError):
        read_results(str(other))


def test_a_pickle_in_a_study_is_not_read(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = a_study(tmp_path / "study.db", owner={"openvino": "2026"}, setting={"run": 1})
    connection = sqlite3.connect(path)
    for table in ("study_user_attributes", "trial_user_attributes"):
        connection.execute(f"update {table} set value_json = ?", (pickle.dumps(Planted()),))
    connection.commit()
    connection.close()
    with pytest.raises(StorageError):
        read_results(str(path))
    with pytest.raises(StorageError):
        Study(path, model, HOST, "CPU")
    assert not (tmp_path / "planted").exists()
