"""A target's performance hint, in a lane of its own."""

from __future__ import annotations

from dataclasses import replace

from tuner.domain.agreement import Agreement
from tuner.domain.configuration import Configuration
from tuner.domain.device_space import GATHERED, SHORT_TIMEOUT_MS
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.target import Target
from tuner.errors import LaneError
from tuner.measure.comparison import WINDOW_S
from tuner.measure.lane import ASK_DEVICE, Lane, Lanes, require_all_devices
from tuner.measure.reference import agreement_of


class Hint:
    """A target's performance hint, its lane open."""

    def __init__(
        self,
        lanes: Lanes,
        target: Target,
        own_batch: int,
        question: Question = THROUGHPUT,
        name: str | None = None,
    ) -> None:
        """Compile the hint `name` with the model's own batch and as many requests as the device asks for.

        Without a name it is that of `hint_names`. The baseline of one caller has a single request in flight.

        Raises:
            LaneError: It does not compile, does not run, or not on every device of the target.
        """
        self.name = name or hint_names(target, question)[0]
        properties: dict[str, str | int] = {"PERFORMANCE_HINT": self.name}
        if target.kind == "BATCH":
            properties["AUTO_BATCH_TIMEOUT"] = SHORT_TIMEOUT_MS
        requests = 1 if question.one_caller else ASK_DEVICE
        wait_ms = question.wait_ms(own_batch)
        asking = Configuration.of(
            str(_with_number(target)), properties, own_batch, requests, wait_ms, question.copies[0]
        )
        self._lanes = lanes
        self.target = target
        self.lane: Lane = lanes.open(asking)
        self.configuration = replace(asking, requests=requests or self.lane.facts.optimal_requests)
        try:
            require_all_devices(self.configuration, self.lane)
            if (
                target.kind != "BATCH"
            ):  # automatic batching is a setting of its device, not measured as a hint
                self.lane.window(WINDOW_S)
        except LaneError:
            self.close()
            raise

    def agreement(self) -> Agreement | None:
        """Return how closely its outputs agree with those in f32, where precision is asked for."""
        return agreement_of(self._lanes, self.lane)

    def reopen_if_dead(self) -> bool:
        """Open the lane again if it has died, and return whether it had.

        Raises:
            LaneError: It does not open any more.
        """
        if self.lane.alive():
            return False
        self.lane = self._lanes.open(self.configuration)
        return True

    def close(self) -> None:
        """End the lane."""
        self.lane.close()


def hint_names(target: Target, question: Question) -> tuple[str, ...]:
    """Return the hints that a user might take for a question; where items arrive it may be either."""
    if question.one_caller:
        return ("LATENCY",)
    return ("THROUGHPUT", "LATENCY") if question.arrives else (target.hint,)


def _with_number(target: Target) -> Target:
    """Give automatic batching a batch if it has none: a CPU reports no optimal batch, and gathers nothing."""
    if target.kind != "BATCH" or target.members[0].amount:
        return target
    return target.with_amounts({target.devices[0]: GATHERED[0]})
