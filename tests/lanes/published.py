"""Published figures of larger machines, and what the machine model says of them.

One table has throughput and latency of the same models on machines of 4 to 2 x 32 cores. Its latency is that of one stream on one
socket, so latency times throughput is how many times as fast all streams together are: the price of many threads in a stream,
which is what two cores cannot show. The arithmetic of a core is taken from the table's own throughput; the price of
threads is that of the recordings' fits, of the recorded model that is closest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.lanes.machine import rate
from tests.lanes.servers import Machine
from tests.lanes.workloads import WORKLOADS
from tuner.domain.configuration import Configuration

SOURCE = (
    "OpenVINO 2022.3, docs/_static/benchmarks_files/OV-benchmark-data.csv, INT8 throughput and latency; "
    "GCP: openvinotoolkit/openvino issue 35133, hints throughput and latency"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A model on a machine.

    Attributes:
        platform: The machine's name.
        machine: Its cores.
        model: The model's name there.
        like: The recorded model whose price of threads is used.
        layers: Its weighted layers.
        fps: Published throughput, all streams together.
        latency_ms: Published latency of one inference.
    """

    platform: str
    machine: Machine
    model: str
    like: str
    layers: int
    fps: float
    latency_ms: float

    def predicted_ms(self) -> float:
        """Return the latency that the model gives to one stream on one socket."""
        like = WORKLOADS[self.like]
        item_us = 1e6 * self.machine.physical / self.fps
        compute_us = max(0.1 * item_us, item_us - self.layers * like.layer_us)
        workload = replace(like, layers=self.layers, compute_us=compute_us, weights_mb=0.0, live_mb=0.0)
        return 1e3 / rate(self.machine, workload, Configuration.of("CPU", {"NUM_STREAMS": 1}, 1, 1))


def _cores(cores: int, sockets: int) -> Machine:
    return Machine(cores, sockets, threads_per_core=1)


PLATFORMS = {
    "Core i3-8100": _cores(4, 1),
    "Core i5-8500": _cores(6, 1),
    "2 x Xeon Gold 5218T": _cores(16, 2),
    "2 x Xeon Gold 6336Y": _cores(24, 2),
    "2 x Xeon Platinum 8270": _cores(26, 2),
    "2 x Xeon Gold 6448Y": _cores(32, 2),
    "GCP c2-standard-60": _cores(15, 2),
}
LIKE = {
    "resnet-50": ("resnet50", 50),
    "resnet-18": ("resnet50", 18),
    "densenet-121": ("densenet121", 121),
    "mobilenet-v2": ("squeezenet", 53),
    "bert-base-cased": ("transformer", 96),
}
"""Recorded model and weighted layers; of BERT the matrix products of its 12 blocks."""

_ROWS = {
    "resnet-50": {
        "Core i3-8100": (102.328, 10.4475),
        "Core i5-8500": (129.174, 6.8498),
        "2 x Xeon Gold 5218T": (980.813, 2.9838),
        "2 x Xeon Gold 6336Y": (2793.997, 1.3288),
        "2 x Xeon Platinum 8270": (2905.803, 1.475),
        "2 x Xeon Gold 6448Y": (11359.88, 0.94),
        "GCP c2-standard-60": (488.70, 6.06),
    },
    "resnet-18": {
        "Core i3-8100": (208.65, 5.0231),
        "Core i5-8500": (262.785, 3.0597),
        "2 x Xeon Gold 5218T": (2017.368, 1.2913),
        "2 x Xeon Gold 6336Y": (5761.961, 0.6512),
        "2 x Xeon Platinum 8270": (6320.391, 0.667),
        "2 x Xeon Gold 6448Y": (27331.02, 0.38),
    },
    "densenet-121": {
        "Core i3-8100": (120.121, 9.3755),
        "Core i5-8500": (149.112, 6.0817),
        "2 x Xeon Gold 5218T": (1116.372, 3.9606),
        "2 x Xeon Gold 6336Y": (3094.742, 2.131),
        "2 x Xeon Platinum 8270": (3155.106, 2.8831),
        "2 x Xeon Gold 6448Y": (8279.14, 2.39),
    },
    "mobilenet-v2": {
        "Core i3-8100": (619.507, 1.8067),
        "Core i5-8500": (766.072, 1.2307),
        "2 x Xeon Gold 5218T": (5882.455, 1.3871),
        "2 x Xeon Gold 6336Y": (14679.84, 0.4828),
        "2 x Xeon Platinum 8270": (15616.083, 0.8685),
        "2 x Xeon Gold 6448Y": (28383.76, 0.55),
    },
    "bert-base-cased": {
        "Core i3-8100": (23.721, 44.0371),
        "Core i5-8500": (30.541, 27.8871),
        "2 x Xeon Gold 5218T": (266.949, 12.4065),
        "2 x Xeon Gold 6336Y": (645.77, 6.7612),
        "2 x Xeon Platinum 8270": (682.593, 6.9035),
        "2 x Xeon Gold 6448Y": (2090.76, 4.61),
    },
}
FIGURES = tuple(
    Figure(platform, PLATFORMS[platform], model, *LIKE[model], fps, latency_ms)
    for model, rows in _ROWS.items()
    for platform, (fps, latency_ms) in rows.items()
)
