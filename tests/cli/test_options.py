"""What the library says of its parameters, as the command line says it."""

import shlex

import pytest

from tests import models
from tuner.cli.spelling import SHAPES, with_dashes
from tuner.errors import ModelError
from tuner.probe.model import read_model


def test_the_shapes_that_the_library_suggests_become_one_option_to_paste_into_a_shell(tmp_path):
    path = models.dynamic_inputs(tmp_path / "m.xml")
    with pytest.raises(ModelError) as caught:
        read_model(path)
    sentence = with_dashes(str(caught.value))
    assert sentence.endswith("--shape 'ids[1,128],image[1,3,224,224],few[1,8]'.")
    _, shapes = shlex.split(sentence[sentence.index("--shape") :].rstrip("."))
    assert read_model(path, SHAPES.convert(shapes, None, None)).unbatched.inputs[3].shape == (1, 8)


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("give shapes={'a b:0': (1,), '$s': ()}.", "give --shape 'a b:0[1],$s[]'."),
        ("give shapes that fit with shapes=.", "give shapes that fit with --shape."),
        ("'shapes={x}.xml' is none", "'shapes={x}.xml' is none"),
        ("the budget='5x' is none", "the --budget '5x' is none"),
    ],
)
def test_parameters_become_options_and_paths_stay(sentence, shown):
    assert with_dashes(sentence) == shown
