"""When a duel ends."""

import math

import pytest

from tuner.domain.pruning import Decision, StopRule
from tuner.domain.stats import Speedup

BEST = Speedup(1.2, 1.18, 1.22, 0.85, 6)


@pytest.mark.parametrize(
    ("best", "ratios", "decision"),
    [
        (None, [1.1], Decision.CONTINUE),
        (None, [0.5, 0.6], Decision.WORSE),
        (BEST, [1.1, 1.12, 1.11, 1.1], Decision.CONTINUE),
        (BEST, [1.1, 1.12, 1.11, 1.1, 1.12], Decision.WORSE),
        (BEST, [1.1, 1.2, 1.11, 1.25, 1.2], Decision.CONTINUE),
        (BEST, [1.3, 1.31, 1.29, 1.4, 1.3], Decision.ENOUGH),
        (None, [1.0, 1.02, 0.98, 1.1, 0.9, 1.01], Decision.ENOUGH),
        (None, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0], Decision.ENOUGH),
    ],
)
def test_a_duel_ends_when_it_is_lost_or_precise_enough(best, ratios, decision):
    assert StopRule(best).decide([math.log(ratio) for ratio in ratios]) is decision
