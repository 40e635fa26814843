"""Opens lanes one after the other, where opening several at the same time is not the subject."""

from collections.abc import Sequence

from tuner.domain.configuration import Configuration
from tuner.errors import Interrupted, LaneError
from tuner.measure.lane import Lane, Lanes


def open_in_turn(lanes: Lanes, configurations: Sequence[Configuration]) -> list[Lane | LaneError]:
    """Open several lanes one after the other."""
    opened: list[Lane | LaneError] = []
    try:
        for configuration in configurations:
            try:
                opened.append(lanes.open(configuration))
            except LaneError as error:
                opened.append(error)
    except Interrupted:
        for lane in opened:
            if not isinstance(lane, LaneError):
                lane.close()
        raise
    return opened
