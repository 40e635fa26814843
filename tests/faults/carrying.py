"""A model whose answer shows whose it is: each sample carries its number and sums made from it."""

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from tests import models
from tests.advice.advice_of import advice_of
from tuner.advice.advice import Advice

ADDED = np.array([1, 10, 100, 1000], np.int32)


def carrying(folder: Path, batch: int, requests: int) -> Advice:
    """Advice for a model that adds something to each of a sample's four numbers."""
    x = models.parameter([1, 4], ov.Type.i32)
    path = models.save(folder / "carrying.xml", [ops.result(ops.add(x, ops.constant(ADDED[None])))], [x])
    return advice_of(path, batch=batch, requests=requests)


def sample(number: int) -> np.ndarray:
    """The sample of a number: every two samples differ in all of their places."""
    return np.array([number, 3 * number + 1, 5 * number + 2, -number], np.int32)


def number_of(answer: np.ndarray) -> int:
    """The number of the sample that an answer belongs to, if nothing in it is another sample's."""
    number = int(answer[0] - ADDED[0])
    np.testing.assert_array_equal(answer - ADDED, sample(number))
    return number


def numbers_of(answers: np.ndarray) -> np.ndarray:
    """The same for many answers at once."""
    numbers = answers[:, 0] - ADDED[0]
    np.testing.assert_array_equal(answers - ADDED, np.stack(sample(numbers), axis=1))
    return numbers
