"""Small real models with the traits that matter: batch axes, types, dynamic dimensions, mixing."""

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops


def save(path: Path, results: list, parameters: list) -> Path:
    ov.save_model(ov.Model(results, parameters, path.stem), path, compress_to_fp16=False)
    return path


def parameter(shape, kind=ov.Type.f32, name="x"):
    node = ops.parameter(ov.PartialShape(shape), kind, name=name)
    node.output(0).set_names({name})
    return node


def weights(*shape: int, seed: int = 0):
    return ops.constant(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def mlp(path: Path, shape=(1, 16), kind=ov.Type.f32, layout: str | None = None, width: int = 16) -> Path:
    """A dense layer: every sample on its own."""
    x = parameter(shape, kind)
    if layout:
        x.set_layout(ov.Layout(layout))
    real = x if kind == ov.Type.f32 else ops.convert(x, "f32")
    return save(path, [ops.result(ops.relu(ops.matmul(real, weights(16, width), False, False)))], [x])


def scaling(path: Path) -> Path:
    """Multiplies each item: nothing compiles faster."""
    x = parameter([1, 16])
    return save(path, [ops.result(ops.multiply(x, weights(1, 16)))], [x])


def mixing(path: Path) -> Path:
    """A softmax over the batch axis: samples influence each other."""
    x = parameter([1, 16])
    return save(path, [ops.result(ops.softmax(ops.matmul(x, weights(16, 16), False, False), axis=0))], [x])


def fixed_reshape(path: Path, batch: int = 1, mixing: bool = False) -> Path:
    """A reshape to a constant shape: batch cannot grow; `mixing` lets its items influence each other."""
    x = parameter([batch, 4, 4])
    flat = ops.reshape(x, ops.constant(np.array([batch, 16])), special_zero=False)
    return save(path, [ops.result(ops.softmax(flat, axis=0) if mixing else ops.relu(flat))], [x])


def deaf(path: Path) -> Path:
    """Its answers do not depend on its input, so a check of them sees nothing."""
    x = parameter([1, 16])
    nothing = ops.multiply(x, ops.constant(np.zeros((1, 16), np.float32)))
    return save(path, [ops.result(ops.add(nothing, weights(1, 16)))], [x])


def three_rows(path: Path) -> Path:
    """An output with three rows for each item of a batch."""
    x = parameter([-1, 3, 4])
    rows = ops.reshape(ops.relu(x), ops.constant(np.array([-1, 4])), special_zero=False)
    return save(path, [ops.result(rows)], [x])


def two_inputs_and_a_scalar(path: Path) -> Path:
    """Two inputs that carry samples and a scalar that does not; the second output is a constant."""
    x, y, scale = parameter([1, 16], name="x"), parameter([1, 16], name="y"), parameter([], name="scale")
    total = ops.multiply(ops.add(x, y), scale)
    priors = ops.multiply(weights(3, 4), scale)
    return save(path, [ops.result(total), ops.result(priors)], [x, y, scale])


def embedding(path: Path, kind=ov.Type.i64, shape=(1, 8)) -> Path:
    """Token ids index a table of two rows: anything but 0 and 1 is out of range."""
    ids = parameter(shape, kind, name="ids")
    rows = ops.gather(weights(2, 16), ids, ops.constant(np.array(0)))
    return save(path, [ops.result(ops.reduce_mean(rows, ops.constant(np.array([1])), False))], [ids])


def wide(path: Path, width: int = 1024) -> Path:
    """Two wide dense layers: batch pays by a factor."""
    x = parameter([1, width])
    hidden = ops.relu(ops.matmul(x, weights(width, width), False, False))
    return save(path, [ops.result(ops.matmul(hidden, weights(width, width, seed=1), False, False))], [x])


def dynamic_inputs(path: Path) -> Path:
    """Four inputs with a dynamic batch, three of which are dynamic beyond it."""
    inputs = [
        parameter([-1, -1], name="ids"),
        parameter([-1, 16], name="plain"),
        parameter([-1, 3, -1, -1], name="image"),
        parameter([-1, ov.Dimension(2, 8)], name="few"),
    ]
    return save(path, [ops.result(ops.relu(node)) for node in inputs], inputs)


def convolutions(path: Path, channels: int = 64, side: int = 28) -> Path:
    """Four convolutions, a few milliseconds on one thread: enough work that two threads are worth having."""
    x = node = parameter([1, channels, side, side])
    for seed in range(4):
        kernel = weights(channels, channels, 3, 3, seed=seed)
        node = ops.relu(ops.convolution(node, kernel, [1, 1], [1, 1], [1, 1], [1, 1]))
    return save(path, [ops.result(node)], [x])


def stateful(path: Path) -> Path:
    """Adds what it has seen so far, in a state of its own."""
    x = parameter([1, 4])
    seen = ops.read_value(ops.constant(np.zeros((1, 4), np.float32)), "seen")
    total = ops.add(x, seen)
    keep = ops.assign(total, "seen")
    ov.save_model(ov.Model([ops.result(total)], [keep], [x], "stateful"), path)
    return path


def reshape_as_asked(path: Path) -> Path:
    """Reshapes its input as its second input says, which fails at run time where that cannot be."""
    x, shape = parameter([1, 16]), parameter([2], ov.Type.i64, name="shape")
    return save(path, [ops.result(ops.relu(ops.reshape(x, shape, special_zero=False)))], [x, shape])


def image_of_fixed_batch(path: Path) -> Path:
    """Takes what looks like an image, and reshapes it to a constant shape: batch cannot grow."""
    x = parameter([1, 3, 8, 8])
    flat = ops.reshape(x, ops.constant(np.array([1, 192])), special_zero=False)
    return save(path, [ops.result(ops.relu(flat))], [x])
