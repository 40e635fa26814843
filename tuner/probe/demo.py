"""A small CNN, built with OpenVINO's own operators, for a search without a model file.

It is a stack of convolutions with a wide dense head: small enough to be built in a moment, but with so many
weights that a larger batch makes it faster.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

CHANNELS = (16, 32, 64)
SIDE = 64
HIDDEN = 2048
CLASSES = 100


def write_demo_model(path: Path) -> Path:
    """Write the model as IR at `path` (ending in .xml) and return the path."""
    rng = np.random.default_rng(0)

    def weights(*shape: int) -> ov.Node:
        scale = np.sqrt(2 / np.prod(shape[1:]))
        return ops.constant((rng.standard_normal(shape) * scale).astype(np.float32))

    image = ops.parameter([1, 3, SIDE, SIDE], np.float32, name="image")
    image.output(0).set_names({"image"})
    node, depth = image, 3
    for channels in CHANNELS:
        node = ops.convolution(node, weights(channels, depth, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
        node = ops.relu(node)
        node = ops.max_pool(node, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
        depth = channels
    flat = ops.reshape(node, ops.constant(np.array([0, -1])), special_zero=True)
    width = depth * (SIDE >> len(CHANNELS)) ** 2
    hidden = ops.relu(ops.matmul(flat, weights(HIDDEN, width), False, True))
    scores = ops.softmax(ops.matmul(hidden, weights(CLASSES, HIDDEN), False, True), axis=1)
    scores.output(0).set_names({"scores"})
    model = ov.Model([ops.result(scores)], [image], "demo")
    path.parent.mkdir(parents=True, exist_ok=True)
    ov.save_model(model, path)
    return path
