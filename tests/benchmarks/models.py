"""The models that benchmarks run on: of different kinds, from 20 microseconds to 100 milliseconds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
from openvino import opset13 as ops

from tests import models
from tests.models import parameter, save, weights

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


@dataclass(frozen=True)
class BenchmarkModel:
    """How to get a model's file, and the shapes it needs where its own are dynamic."""

    make: Callable[[Path], Path]
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


def light(name: str) -> BenchmarkModel:
    """A model of the `onnx` package; its weights are constants, its arithmetic is that of the real model."""
    return BenchmarkModel(lambda _: LIGHT / f"light_{name}.onnx")


def constant(*values: int):
    return ops.constant(np.array(values, np.int64))


def small(*shape: int, seed: int = 0):
    """Weights whose products stay in range over many layers."""
    values = np.random.default_rng(seed).standard_normal(shape) / np.sqrt(shape[-2] if len(shape) > 1 else 1)
    return ops.constant(values.astype(np.float32))


def dense(x, inputs: int, outputs: int, seed: int):
    return ops.matmul(x, small(inputs, outputs, seed=seed), False, False)


def attention(x, width: int, heads: int, seed: int):
    """Self-attention as exporters write it: projections, a split into heads, a softmax, a merge."""

    def split(projected):
        parts = ops.reshape(projected, constant(0, 0, heads, width // heads), special_zero=True)
        return ops.transpose(parts, constant(0, 2, 1, 3))

    query, key, value = (split(dense(x, width, width, seed + part)) for part in range(3))
    scores = ops.matmul(query, key, False, True)
    scaled = ops.multiply(scores, ops.constant(np.float32((width // heads) ** -0.5)))
    mixed = ops.transpose(ops.matmul(ops.softmax(scaled, axis=3), value, False, False), constant(0, 2, 1, 3))
    merged = ops.reshape(mixed, constant(0, 0, width), special_zero=True)
    return dense(merged, width, width, seed + 3)


def normalized(x):
    return ops.mvn(x, constant(-1), True, 1e-5, "INSIDE_SQRT")


def transformer(path: Path, length: int, width: int, layers: int) -> Path:
    """A transformer encoder over token ids; a length of -1 leaves it dynamic."""
    ids = parameter([1, length], ov.Type.i64, name="ids")
    x = ops.gather(weights(1000, width), ids, ops.constant(np.array(0)))
    for layer in range(layers):
        x = normalized(ops.add(x, attention(x, width, 4, 10 * layer)))
        hidden = ops.gelu(dense(x, width, 4 * width, 10 * layer + 5), "erf")
        x = normalized(ops.add(x, dense(hidden, 4 * width, width, 10 * layer + 6)))
    return save(path, [ops.result(ops.reduce_mean(x, constant(1), False))], [ids])


def recurrent(path: Path, steps: int = 32, inputs: int = 64, width: int = 256) -> Path:
    """An LSTM over a sequence; its first state is zero for every sample."""
    x = parameter([1, steps, inputs])
    batch = ops.gather(ops.shape_of(x), constant(0), ops.constant(np.array(0)))
    zero = ops.constant(np.float32(0))
    state = ops.broadcast(zero, ops.concat([batch, constant(1, width)], 0))
    lengths = ops.broadcast(ops.constant(np.int64(steps)), batch)
    gates = (small(1, 4 * width, inputs, seed=1), small(1, 4 * width, width, seed=2), small(1, 4 * width))
    last = ops.lstm_sequence(x, state, state, lengths, *gates, width, "forward")
    return save(path, [ops.result(last.output(1))], [x])


def detector(path: Path, size: int = 128) -> Path:
    """Strided convolutions with two heads: boxes and softmaxed scores of every anchor."""
    x = parameter([1, 3, size, size])
    features, channels = x, 3
    for stage, wider in enumerate((16, 32, 64, 96)):
        for stride, inputs in ((2, channels), (1, wider)):
            kernel = small(wider, inputs, 3, 3, seed=2 * stage + stride)
            features = ops.relu(ops.convolution(features, kernel, [stride] * 2, [1, 1], [1, 1], [1, 1]))
        channels = wider

    def head(each: int, seed: int):
        kernel = small(3 * each, channels, 1, 1, seed=seed)
        raw = ops.transpose(
            ops.convolution(features, kernel, [1, 1], [0, 0], [0, 0], [1, 1]), constant(0, 2, 3, 1)
        )
        return ops.reshape(raw, constant(0, -1, each), special_zero=True)

    return save(path, [ops.result(head(4, 20)), ops.result(ops.softmax(head(5, 21), axis=2))], [x])


MODELS = {
    "tiny": BenchmarkModel(lambda folder: models.mlp(folder / "tiny.xml")),
    "detector": BenchmarkModel(lambda folder: detector(folder / "detector.xml")),
    "squeezenet": light("squeezenet"),
    "transformer": BenchmarkModel(lambda folder: transformer(folder / "transformer.xml", 64, 192, 3)),
    "dynamic_transformer": BenchmarkModel(
        lambda folder: transformer(folder / "dynamic_transformer.xml", -1, 96, 2), {"ids": (1, 32)}
    ),
    "recurrent": BenchmarkModel(lambda folder: recurrent(folder / "recurrent.xml")),
    "wide_mlp": BenchmarkModel(lambda folder: models.wide(folder / "wide_mlp.xml", 2048)),
    "alexnet": light("bvlc_alexnet"),
    "resnet50": light("resnet50"),
    "densenet121": light("densenet121"),
}
"""By kind, and from fast to slow: a 20-microsecond model first, DenseNet last."""


def path_of(name: str, folder: Path) -> Path:
    """Return a model's file; made ones are written to `folder`."""
    return MODELS[name].make(folder)
