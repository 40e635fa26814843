"""Which of several targets is next, by the trials that each has had."""

from tests.lanes.simulated import SimulatedDevice
from tests.simulation import space_of
from tuner.domain.configuration import Configuration
from tuner.domain.stats import Speedup
from tuner.domain.target import target_of
from tuner.domain.trial import Trial
from tuner.tuning.portfolio import Portfolio

TARGETS = tuple(map(target_of, ("CPU", "GPU", "NPU")))
SLOWER = Speedup(0.9, 0.9, 0.9, 0.95, 6)


class Endless:
    """Proposes one configuration after the other."""

    def __init__(self, device):
        self._device, self._batch = device, 0

    def next(self, closed):
        self._batch += 1
        return Configuration.of(self._device, {}, self._batch, 1)

    def learn(self, trial):
        """Nothing is learnt from it."""


def trial_of(configuration, state="measured"):
    return Trial(0, configuration, state, speedup=SLOWER)


def proposed_in_turn(portfolio, count, state="measured"):
    """Return the devices of the next proposals, each of which is tried."""
    devices = []
    for _ in range(count):
        configuration = portfolio.next(lambda _: False)
        devices.append(configuration.device)
        portfolio.learn(trial_of(configuration, state))
    return devices


def portfolio_of(known=()):
    proposers = {target: Endless(str(target)) for target in TARGETS}
    return Portfolio(proposers, dict.fromkeys(TARGETS, space_of(SimulatedDevice())), known)


def test_the_least_tried_target_is_next():
    assert proposed_in_turn(portfolio_of(), 6) == 2 * ["CPU", "GPU", "NPU"]


def test_a_target_that_gave_a_duplicate_is_asked_again():
    assert proposed_in_turn(portfolio_of(), 3, "duplicate") == 3 * ["CPU"]


def test_what_others_proposed_counts_as_tried_unless_it_is_a_duplicate():
    portfolio = portfolio_of()
    proposed_in_turn(portfolio, 3)
    further = Configuration.of("CPU", {}, 64, 1)
    for state in ("duplicate", "duplicate", "measured"):
        portfolio.learn(trial_of(further, state))
    assert proposed_in_turn(portfolio, 2) == ["GPU", "NPU"]


def test_trials_of_earlier_runs_count_in_the_same_way():
    cpu, gpu = (Configuration.of(device, {}, 1, 1) for device in ("CPU", "GPU"))
    portfolio = portfolio_of([trial_of(cpu, "duplicate"), trial_of(gpu)])
    assert proposed_in_turn(portfolio, 2) == ["CPU", "NPU"]
