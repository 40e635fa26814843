"""What the tests of searches under a load share."""

from tests.lanes.simulated import SimulatedDevice, SimulatedLanes
from tests.simulation import simulate
from tuner.domain.load import Load
from tuner.domain.question import Question

LATENCY_HINT = {"PERFORMANCE_HINT": "LATENCY"}
THROUGHPUT_HINT = {"PERFORMANCE_HINT": "THROUGHPUT"}

ITEM_S = {1: 0.006, 2: 0.004, 3: 0.007, 4: 0.010}
"""How long an item takes, by streams."""


class Cores(SimulatedDevice):
    """Four cores: the hint THROUGHPUT takes four streams, LATENCY one; two are quickest."""

    def effective(self, configuration):
        if configuration.plain_properties == LATENCY_HINT:
            configuration = configuration.of(
                configuration.device, {"NUM_STREAMS": 1}, configuration.batch, configuration.requests
            )
        return super().effective(configuration)

    def fps(self, effective):
        return min(effective.requests, effective.streams) / ITEM_S[effective.streams]


def search(objective, rate, *limits, device=None, lanes=None, **options):
    device = device or Cores(cores=4)
    lanes = lanes or SimulatedLanes(device)
    question = Question(objective, limits, Load(rate))
    return simulate(device, lanes=lanes, question=question, **{"budget_s": 120.0, **options})
