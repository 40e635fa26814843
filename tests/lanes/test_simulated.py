"""Simulated lanes are as noisy as real ones."""

from dataclasses import replace

from tests.lanes.simulated import QUIET, Noise, SimulatedLanes
from tuner.domain.configuration import Configuration

HINT_ALONE = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)


def test_simulated_noise_has_bursts_that_hit_single_windows():
    lanes = SimulatedLanes(noise=replace(QUIET, burst_share=0.2, burst=0.5), seed=1)
    lane = lanes.open(HINT_ALONE)
    rates = [lane.window(0.1).rate_fps for _ in range(2000)]
    hit = sum(rate < 0.9 * max(rates) for rate in rates) / len(rates)
    assert 0.1 < hit < 0.3
    assert Noise().burst_share > 0
