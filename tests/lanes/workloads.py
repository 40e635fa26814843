"""The recorded models as workloads of the machine model, by kind.

Made by `python -m tests.benchmarks.workloads` from the recordings; the comment at each is the median error of its rates
over the configurations of its recording. `tests/lanes/test_machine.py` holds the bounds.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.lanes.servers import Workload

WORKLOADS: Mapping[str, Workload] = {
    "tiny": Workload(
        layers=1,
        compute_us=0.00235,
        layer_us=16.6,
        sync_us=5.45,
        serial=0.00964,
        weights_mb=0.0,
        live_mb=0.0156,
        traffic_mb=0.199,
        gap_us=54.3,
        largest_mb=0.0,
        base_mb=92.5,
        stream_mb=0.00343,
        request_mb=0.0,
        compile_s=0.0245,
        stream_s=0.000884,
    ),  # rates off by 4.4 %
    "detector": Workload(
        layers=10,
        compute_us=267.0,
        layer_us=3.13,
        sync_us=1.04,
        serial=0.0108,
        weights_mb=0.4,
        live_mb=0.0405,
        traffic_mb=6.41,
        gap_us=74.7,
        largest_mb=0.03,
        base_mb=98.5,
        stream_mb=0.556,
        request_mb=0.188,
        compile_s=0.0406,
        stream_s=0.0,
    ),  # rates off by 1.3 %
    "squeezenet": Workload(
        layers=26,
        compute_us=1920.0,
        layer_us=0.149,
        sync_us=0.363,
        serial=0.0734,
        weights_mb=2.4,
        live_mb=0.198,
        traffic_mb=35.9,
        gap_us=120.0,
        largest_mb=1.29,
        base_mb=126.0,
        stream_mb=1.98,
        request_mb=0.574,
        compile_s=0.0867,
        stream_s=0.00427,
    ),  # rates off by 1.5 %
    "transformer": Workload(
        layers=24,
        compute_us=452.0,
        layer_us=1.52,
        sync_us=3.49,
        serial=0.00328,
        weights_mb=2.5,
        live_mb=0.372,
        traffic_mb=1.72,
        gap_us=84.0,
        largest_mb=0.23,
        base_mb=113.0,
        stream_mb=0.179,
        request_mb=8.89e-07,
        compile_s=0.0622,
        stream_s=0.00213,
    ),  # rates off by 1.1 %
    "dynamic_transformer": Workload(
        layers=16,
        compute_us=55.9,
        layer_us=2.53,
        sync_us=2.05,
        serial=0.1,
        weights_mb=0.4,
        live_mb=0.0625,
        traffic_mb=0.28,
        gap_us=61.3,
        largest_mb=0.06,
        base_mb=102.0,
        stream_mb=0.0487,
        request_mb=0.0,
        compile_s=0.0511,
        stream_s=0.000594,
    ),  # rates off by 1.6 %
    "recurrent": Workload(
        layers=32,
        compute_us=39.1,
        layer_us=5.48,
        sync_us=0.0173,
        serial=0.0836,
        weights_mb=0.6,
        live_mb=0.107,
        traffic_mb=0.85,
        gap_us=87.9,
        largest_mb=None,
        base_mb=94.2,
        stream_mb=0.107,
        request_mb=0.00431,
        compile_s=0.0274,
        stream_s=0.00217,
    ),  # rates off by 3.4 %
    "wide_mlp": Workload(
        layers=2,
        compute_us=3.46,
        layer_us=0.0908,
        sync_us=0.679,
        serial=0.1,
        weights_mb=16.0,
        live_mb=0.398,
        traffic_mb=1.77,
        gap_us=7.26,
        largest_mb=0.02,
        base_mb=156.0,
        stream_mb=0.00839,
        request_mb=0.0123,
        compile_s=0.0346,
        stream_s=0.00961,
    ),  # rates off by 3.8 %
    "alexnet": Workload(
        layers=8,
        compute_us=3330.0,
        layer_us=20.0,
        sync_us=1.81,
        serial=0.0329,
        weights_mb=116.0,
        live_mb=0.133,
        traffic_mb=0.256,
        gap_us=72.5,
        largest_mb=0.05,
        base_mb=464.0,
        stream_mb=1.07,
        request_mb=0.665,
        compile_s=0.212,
        stream_s=0.0572,
    ),  # rates off by 2.0 %
    "resnet50": Workload(
        layers=50,
        compute_us=18800.0,
        layer_us=0.208,
        sync_us=0.486,
        serial=0.0199,
        weights_mb=48.6,
        live_mb=0.25,
        traffic_mb=0.389,
        gap_us=21.3,
        largest_mb=3.83,
        base_mb=266.0,
        stream_mb=3.0,
        request_mb=0.924,
        compile_s=0.305,
        stream_s=0.027,
    ),  # rates off by 2.1 %
    "densenet121": Workload(
        layers=121,
        compute_us=15400.0,
        layer_us=0.228,
        sync_us=4.88,
        serial=0.0488,
        weights_mb=15.2,
        live_mb=0.29,
        traffic_mb=80.7,
        gap_us=25.6,
        largest_mb=4.6,
        base_mb=209.0,
        stream_mb=4.8,
        request_mb=0.809,
        compile_s=0.707,
        stream_s=0.0,
    ),  # rates off by 2.9 %
}

KINDS: Mapping[str, tuple[str, ...]] = {
    "tiny": ("tiny",),
    "convolution": ("detector", "squeezenet", "resnet50", "densenet121"),
    "transformer": ("transformer", "dynamic_transformer"),
    "memory-bound": ("recurrent", "wide_mlp", "alexnet"),
}
"""Memory-bound are those that read their weights more slowly than they compute with them at batch 1."""
