"""What every place where a search measures has to do, whether it is this host or a cluster."""

import math

import pytest

from tests.simulation import CPU
from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.question import THROUGHPUT
from tuner.domain.space import Bounds
from tuner.tuning.budget import Budget
from tuner.tuning.final import Plan
from tuner.tuning.hosts import Work
from tuner.tuning.strategy import Strategy

WORK = Work(CPU, 1, Bounds(), THROUGHPUT, Strategy(), 0)
BATCH_4 = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 4, 4)


def end_of(hosts):
    """Return the trial that ends next, whatever host joins meanwhile."""
    while (trial := hosts.ended()) is None:
        pass
    return trial


class HostsContract:
    """Inherit from it, with a fixture `hosts` that yields them, and `clock`, by which their budget counts."""

    @pytest.fixture
    def begun(self, hosts, clock):
        history, budget = History(), Budget(30.0, None, clock)
        hints = hosts.open_hints(WORK, history, budget)
        for trial in hints.trials:
            history.add(trial)
        hosts.begin_trials()
        self.history = history
        return hosts

    def test_the_hint_is_measured_and_is_the_first_trial(self, begun):
        first = self.history.trials[0]
        assert first.state == "measured"
        assert first.configuration.plain_properties == {"PERFORMANCE_HINT": "THROUGHPUT"}
        assert first.measured.throughput_fps > 0

    def test_a_trial_that_was_started_runs_until_it_has_ended(self, begun):
        assert begun.free
        assert not begun.running
        begun.start(BATCH_4)
        assert list(begun.running) == [BATCH_4]
        trial = end_of(begun)
        assert trial.configuration == BATCH_4
        assert trial.state in {"measured", "pruned"}
        assert trial.ratio > 1.1
        assert not begun.running
        assert begun.free

    def test_what_compiles_to_the_same_as_an_earlier_trial_is_a_duplicate(self, begun):
        begun.start(self.history.trials[0].configuration)
        self.history.add(end_of(begun))
        same = Configuration.of("CPU", {"NUM_STREAMS": 4}, 1, 4)
        begun.start(same)
        assert end_of(begun).state == "duplicate"

    def test_the_final_compares_fresh_lanes_with_the_hint(self, begun):
        begun.start(BATCH_4)
        self.history.add(end_of(begun))
        begun.end_trials()
        rounds = []
        final = begun.hold_final(Plan([BATCH_4], 2, 4), rounds.append)
        (finalist,) = final.finalists
        assert finalist.configuration == BATCH_4
        assert finalist.speedup.low > 1.1
        assert final.trouble is None
        assert rounds == sorted(rounds)

    def test_trials_go_on_after_a_final(self, begun):
        begun.start(BATCH_4)
        self.history.add(end_of(begun))
        begun.end_trials()
        begun.hold_final(Plan([BATCH_4], 2, 4), lambda _: None)
        begun.begin_trials()
        begun.start(Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 8, 4))
        assert end_of(begun).ratio > 1.1

    def test_why_a_configuration_fails_is_told(self, begun):
        assert begun.why_it_fails(BATCH_4) is None

    def test_nothing_is_lost_and_memory_is_told(self, begun):
        begun.start(BATCH_4)
        end_of(begun)
        assert begun.measured_on >= 1
        assert begun.lost() is None
        assert begun.available_mb() == math.inf
