from tests.lanes.simulated import SimulatedDevice
from tests.simulation import space_of
from tuner.domain.space import Bounds
from tuner.domain.stats import Speedup
from tuner.domain.trial import Trial
from tuner.domain.units import GREATEST_SEED
from tuner.tuning.guesses import GUESSES
from tuner.tuning.proposals import Proposer

SPACE = space_of(SimulatedDevice())


def drain(proposer, closed=frozenset()):
    seen = set(closed)
    while (proposed := proposer.next(lambda configuration: configuration in seen)) is not None:
        assert proposed not in seen
        seen.add(proposed)
        ratio = 1 + proposed.batch / 100
        proposer.learn(Trial(len(seen), proposed, "measured", speedup=Speedup(ratio, ratio, ratio, 0.95, 6)))
        yield proposed


def test_the_guesses_come_first_and_in_order():
    proposed = [
        str(configuration) for _, configuration in zip(GUESSES, drain(Proposer(SPACE, 1, 0)), strict=False)
    ]
    assert proposed[:3] == [
        "hint, batch 64, 8 requests",
        "hint, batch 4, 4 requests",
        "hint, batch 16, 4 requests",
    ]


def test_every_point_is_proposed_once():
    proposed = list(drain(Proposer(SPACE, 1, 0)))
    assert len(proposed) == len(SPACE)
    assert set(proposed) == {SPACE.configuration(point) for point in SPACE.points()}


def test_after_the_guesses_the_sampler_goes_where_it_is_good():
    proposer = Proposer(SPACE, 1, 3)
    proposed = list(drain(proposer))
    later = proposed[len(GUESSES) : len(GUESSES) + 15]
    assert sum(configuration.batch for configuration in later) / 15 > 1.3 * sum(SPACE.axes["batch"]) / 7


def test_the_greatest_seed_leaves_room_for_the_trials_that_a_continued_search_adds_to_it():
    assert len([*drain(Proposer(SPACE, 1, GREATEST_SEED + 40))]) == len(SPACE)


def test_guesses_stay_inside_the_bounds():
    space = space_of(SimulatedDevice(), Bounds(streams=(1,), batch=(4,), requests=(6,)))
    assert [str(configuration) for configuration in drain(Proposer(space, 1, 0))] == [
        "1 stream, batch 4, 6 requests"
    ]


def test_what_is_closed_is_never_proposed():
    closed = {SPACE.configuration(point) for point in SPACE.points() if point["batch"] != 2}
    assert {configuration.batch for configuration in drain(Proposer(SPACE, 1, 0), closed)} == {2}
