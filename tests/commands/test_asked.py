"""What a search is asked for in Python: a value without a meaning is refused before anything waits or runs."""

from pathlib import Path

import numpy as np
import pytest

import tuner
from tests import models
from tuner.commands.asked import Asked, bounds_of, output_of
from tuner.domain.space import Bounds
from tuner.errors import ModelError, UsageError

ODD_NAME = Path("caf\udce9.xml")
"""A file name in Latin-1, as Python reads it on a system with UTF-8."""


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"batch": "1-16"}, "batch='1-16' is not a list of counts from 1 to 1048576"),
        ({"batch": [0, 1]}, r"batch=\[0, 1\] is not a list of counts"),
        ({"batch": [1.5]}, r"batch=\[1.5\] is not a list of counts"),
        ({"batch": 8}, "batch=8 is not a list of counts"),
        ({"requests": [True]}, r"requests=\[True\] is not a list of counts"),
        ({"streams": ["hnt"]}, r"streams=\['hnt'\] is not a list .* give for example \[1, 2, 8, 'hint'\]"),
        ({"trials": 0}, "trials=0 is not a number of trials"),
        ({"trials": "9"}, "trials='9' is not a number of trials"),
        ({"batching": "x"}, "batching='x' is none of explicit, auto, both"),
        ({"budget": -5}, "budget='-5' is not a duration"),
        ({"budget": float("nan")}, "budget='nan' is not a duration"),
        ({"seed": 1 << 32}, "seed=4294967296 is not a seed; give a whole number from 0 to 4294967295"),
        ({"seed": -1}, "seed=-1 is not a seed"),
        ({"shapes": {"x": "ab"}}, r"shapes= gives the input 'x' the shape \['a', 'b'\]"),
        ({"shapes": {"x": (1, 0)}}, "give whole numbers from 1 on"),
    ],
)
def test_a_value_without_a_meaning_is_refused_with_the_name_of_its_parameter(tmp_path, asked, sentence):
    with pytest.raises(UsageError, match=sentence):
        tuner.search(tmp_path / "m.xml", output=tmp_path / "out", **asked)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("seed", [1 << 32, -1, 0.5])
def test_a_check_refuses_the_same_seeds_and_what_is_no_ratio(tmp_path, seed):
    with pytest.raises(UsageError, match="is not a seed"):
        tuner.verify(tmp_path / "config.yaml", seed=seed)
    for ratio in (float("nan"), float("inf"), -1.0):
        with pytest.raises(UsageError, match=f"min_ratio={ratio} is not a ratio"):
            tuner.verify(tmp_path / "config.yaml", min_ratio=ratio)


def test_counts_of_every_whole_type_bound_a_search_and_an_empty_list_bounds_nothing():
    assert bounds_of(["hint", 2], range(1, 3), np.array([4])) == Bounds(("hint", 2), (1, 2), (4,))
    assert bounds_of((), None, []) == Bounds()
    assert Asked(Path("m.xml"), Path("out"), seed=(1 << 32) - 1, trials=1).seed == (1 << 32) - 1


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("", "The model's path is empty"), (ODD_NAME, r"'caf\\udce9.xml' is no UTF-8 text")],
)
def test_a_path_that_openvino_cannot_read_is_refused_at_once(path, sentence):
    with pytest.raises(ModelError, match=sentence):
        tuner.search(path)


@pytest.mark.parametrize("name", ["...xml", "....xml", "..", ".", "/", ".xml", "a/...onnx", "../..xml"])
def test_no_name_of_a_model_leads_out_of_the_folder_of_reports(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    folder = output_of(Path(name), None)
    assert folder.resolve().parent == tmp_path / "reports"


def test_a_model_called_by_dots_has_the_whole_file_name(tmp_path):
    assert output_of(Path("...xml"), None) == Path("reports/...xml")
    path = models.mlp(tmp_path / "...xml")
    assert tuner.probe.model.read_model(path).unbatched.name == "...xml"
