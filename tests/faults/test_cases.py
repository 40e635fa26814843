"""A search under each fault: no trial lost, nothing left, no wrong claim, and the next run goes on."""

from random import Random

import pytest

from tests.faults.cases import CASES
from tests.faults.inject import build, missing
from tests.faults.world import World

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
]
MARKS = {"quick": (), "slow": pytest.mark.slow, "soak": pytest.mark.soak}


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("library"))


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name, marks=MARKS[case.length]) for case in CASES]
)
def test_a_search_survives(case, library, tmp_path):
    with World(tmp_path, library, case.simulated) as world:
        case.act(world, Random(case.name))
    assert world.seen.survived, world.seen
