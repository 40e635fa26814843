"""Several processes of one configuration, which a search sees as one lane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Protocol, TypeVar

from tuner.domain.load import Arrivals
from tuner.domain.sample import Window
from tuner.errors import LaneError
from tuner.measure.lane import Answers, Lane, LaneFacts, LoadError

T = TypeVar("T")


class StartedLane(Lane, Protocol):
    """A lane whose process has begun to compile."""

    def wait_until_ready(self) -> None:
        """Wait until the process has compiled; call it once, before any other method.

        Raises:
            LaneError: It does not compile, crashes, or takes longer than its limit.
        """


class Copies:
    """The lane of a configuration that runs in several processes at the same time.

    Attributes:
        facts: What the first copy compiled, in the time that the last one took; memory is the sum.
    """

    facts: LaneFacts

    def __init__(self, lanes: Sequence[StartedLane]) -> None:
        """Take the lanes of all copies; compiling has begun in each."""
        self._lanes = lanes

    def wait_until_ready(self) -> None:
        """Wait until every copy has compiled; call it once, before any other method."""
        try:
            for lane in self._lanes:
                lane.wait_until_ready()
        except BaseException:
            self.close()
            raise
        facts = [lane.facts for lane in self._lanes]
        self.facts = replace(
            facts[0],
            compile_s=max(each.compile_s for each in facts),
            reopen_s=max(each.reopen_s for each in facts),
            memory_mb=sum(each.memory_mb for each in facts),
        )

    def window(self, seconds: float) -> Window:
        """Run a window in every copy at the same time, and return them as one."""
        return Window.of_copies(self._in_all(lambda lane: lane.window(seconds)))

    def open_loop(self, arrivals: Arrivals) -> Window:
        """Refuse: which copy an arrival goes to is not for a lane to decide."""
        raise LoadError("copies take no arrivals")

    def answers(self) -> Answers:
        """Return the outputs of the first copy for every sample of the pool: all run the same program."""
        return self._lanes[0].answers()

    def alive(self) -> bool:
        """Return whether all copies run and were not closed."""
        return all(lane.alive() for lane in self._lanes)

    def close(self) -> None:
        """Kill all copies."""
        for lane in self._lanes:
            lane.close()

    def _in_all(self, step: Callable[[StartedLane], T]) -> list[T]:
        """Do a step in every copy at the same time; where one fails, end all: the others wait for it."""
        with ThreadPoolExecutor(len(self._lanes)) as threads:
            try:
                steps = [threads.submit(step, lane) for lane in self._lanes]
                ended = wait(steps, return_when=FIRST_EXCEPTION).done
                if failed := [each for each in ended if each.exception()]:
                    failed[0].result()
                return [each.result() for each in steps]
            except RuntimeError as error:  # the system starts no further thread
                self.close()
                raise LaneError(f"its copies cannot be watched ({error})") from error
            except BaseException:
                self.close()
                raise
