"""Samples for the tests' models, and what a model answers to each alone."""

import numpy as np
import openvino as ov


def samples_of(count, shape=(16,), seed=0):
    return list(np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32))


def truth(path, samples):
    compiled = ov.Core().compile_model(path, "CPU")
    return [compiled(sample[None])[0][0] for sample in samples]
