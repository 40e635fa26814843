"""Configurations that meet, on lanes whose rates are known."""

from statistics import fmean

import pytest

from tests.benchmarks.meeting import meet
from tests.lanes.simulated import Noise, SimulatedDevice, SimulatedLanes
from tuner.domain.configuration import Configuration

HINT = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)
SAME = Configuration.of("CPU", {"NUM_STREAMS": 2}, 1, 2)
BATCH = Configuration.of("CPU", {"NUM_STREAMS": 2}, 8, 4)
ALONE = Configuration.of("CPU", {"NUM_STREAMS": 1}, 1, 1)


def test_the_fastest_is_the_optimum_and_the_others_get_their_share_of_it():
    device = SimulatedDevice()
    met = meet(SimulatedLanes(device), [HINT, BATCH, ALONE])
    assert met.optimum == BATCH
    for configuration in (HINT, ALONE):
        truth = device.fps(device.effective(configuration)) / device.fps(device.effective(BATCH))
        share = met.of_optimum[configuration]
        assert share.low <= truth <= share.high < 1


def test_the_same_program_is_measured_once():
    shares = meet(SimulatedLanes(), [HINT, SAME, BATCH]).of_optimum
    assert shares[SAME] == shares[HINT]
    assert (shares[BATCH].ratio, shares[BATCH].rounds) == (1.0, 0)


def test_the_fastest_of_many_alike_does_not_make_the_others_look_slower():
    """By chance one of them looks faster in the sittings that choose, but not in those that judge."""
    alike = [Configuration.of("CPU", {"NUM_STREAMS": 2}, batch, 2) for batch in (1, 2, 4, 8, 16, 32)]
    device, noise = SimulatedDevice(batch_gain=1.0), Noise(luck=0.05)
    found = [meet(SimulatedLanes(device, noise, seed), alike) for seed in range(20)]
    others = [share.ratio for met in found for share in met.of_optimum.values() if share.rounds]
    assert fmean(others) == pytest.approx(1.0, abs=0.01)
