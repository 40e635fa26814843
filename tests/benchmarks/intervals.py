"""Which interval over sittings is narrow, and holds? Compared where the truth is known to be 0.

Simulated rounds of a host that is steady, one that is busy in bursts, and one that switches between two
speeds, each with processes that are alike, or 1 or 3 % apart; and rounds of the recordings of real models: the
hint's duels with itself, and configurations' strayings with the luck of processes. Sides of recorded sittings are
swapped at random, so that the truth is 0.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tests import recordings
from tests.benchmarks.estimators import ESTIMATORS, Array
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Landscape, Sitting, read

REPETITIONS = {"simulated": 2000, "the hint itself": 1000, "configurations": 1000}
SLOW_REPETITIONS = 500
"""Of tests that are inverted by halving."""
SLOW = {name for name in ESTIMATORS if name.startswith("signed ranks")}
CONFIDENCES = (0.9, 0.95, 0.99)
"""Of `keep_hint`, of one interval, and of each of two finalists in a final."""
LAYOUTS = ((5, 1, 1), (5, 2, 2), (5, 4, 4), (8, 3, 3), (12, 4, 4), (12, 1, 4), (20, 2, 2), (40, 1, 1))
"""Sittings, least and most rounds of a sitting."""
REAL_LAYOUTS = ((5, 3, 3), (10, 1, 4), (30, 2, 2))
RECORDED_ROUNDS = 8
LUCK = (0.0, 0.01, 0.03)

Draw = Callable[[np.random.Generator, tuple[int, int, int]], Array]


def steady(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return rng.normal(0, 0.03, shape)


def bursts(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Jitter of 1 %, and 12 % of the windows a quarter slower."""
    hit = np.log(0.75) * (rng.random((2, *shape)) < 0.12)
    return rng.normal(0, 0.01 * np.sqrt(2), shape) + hit[0] - hit[1]


def two_speeds(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Jitter of 2 %; in a quarter of the rounds the host changes its speed by up to 45 %, anywhere inside."""
    changed = (rng.random(shape) < 0.25) * rng.uniform(0, 0.45, shape)
    return rng.normal(0, 0.02, shape) + rng.choice([-1, 1], shape) * changed


def with_luck(noise: Draw, luck: float) -> Draw:
    """Let pairs of processes differ, with this deviation of their log-ratio."""
    return lambda rng, shape: noise(rng, shape) + luck * rng.normal(0, 1, (*shape[:2], 1))


def swapped(rng: np.random.Generator, logs: Array) -> Array:
    return logs * rng.choice([-1.0, 1.0], (*logs.shape[:2], 1))


def rounds_of(sittings: list[Sitting]) -> Array:
    return np.array([sitting.log_ratios[:RECORDED_ROUNDS] for sitting in sittings])


def in_a_row(rng: np.random.Generator, rounds: Array, which: NDArray, most: int) -> Array:
    """Draw rounds of recorded sittings, in the order of the recording from a random one on."""
    first = rng.integers(RECORDED_ROUNDS, size=which.shape)
    return rounds[which[:, :, None], (first[:, :, None] + np.arange(most)) % RECORDED_ROUNDS]


def the_hint_itself(landscape: Landscape) -> Draw:
    rounds = rounds_of(list(landscape.recording.same))

    def draw(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
        return swapped(rng, in_a_row(rng, rounds, rng.integers(len(rounds), size=shape[:2]), shape[2]))

    return draw


def configurations(landscape: Landscape) -> Draw:
    """Draw a configuration for each repetition, and rounds' strayings from the medians of its sittings."""
    entries = [
        [sitting for sitting in entry.sittings if len(sitting.rate_fps) >= RECORDED_ROUNDS]
        for entry in landscape.recording.entries
    ]
    entries = [sittings for sittings in entries if len(sittings) >= 2]
    starts = np.cumsum([0, *map(len, entries)])
    rounds = rounds_of([sitting for sittings in entries for sitting in sittings])
    strayed = (rounds - np.median(rounds, axis=1)[:, None]) * np.sqrt(RECORDED_ROUNDS / (RECORDED_ROUNDS - 1))
    luck = np.array(landscape.luck)

    def draw(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
        entry = rng.integers(len(entries), size=shape[0])[:, None]
        which = starts[entry] + (rng.random(shape[:2]) * np.diff(starts)[entry]).astype(int)
        logs = in_a_row(rng, strayed, which, shape[2]) + rng.choice(luck, (*shape[:2], 1))
        return swapped(rng, logs)

    return draw


def drawn(draw: Draw, layout: tuple[int, int, int], repetitions: int) -> Array:
    """Draw the rounds of all repetitions; one sitting at least has the most rounds."""
    sittings, least, most = layout
    rng = np.random.default_rng(layout)
    logs = draw(rng, (repetitions, sittings, most))
    size = rng.integers(least, most + 1, (repetitions, sittings))
    size[:, 0] = most
    return np.where(np.arange(most) < size[:, :, None], logs, np.nan)


def compared(
    draw: Draw, layout: tuple[int, int, int], repetitions: int
) -> dict[str, dict[str, list[float | None]]]:
    """Return coverage and median half-width of each estimator, for each confidence."""
    logs = drawn(draw, layout, repetitions)
    found: dict[str, dict[str, list[float | None]]] = {}
    for name, estimate in ESTIMATORS.items():
        coverage, width = [], []
        for confidence in CONFIDENCES:
            low, high = estimate(logs[:SLOW_REPETITIONS] if name in SLOW else logs, confidence)
            half = float(np.median(high - low)) / 2
            coverage.append(round(float(((low <= 0) & (high >= 0)).mean()), 4))
            width.append(round(half, 5) if np.isfinite(half) else None)
        found[name] = {"coverage": coverage, "half_width": width}
    return found


def conditions() -> dict[str, tuple[Draw, tuple[tuple[int, int, int], ...]]]:
    """Return what is drawn and the layouts, by name."""
    kinds = {"steady": steady, "bursts": bursts, "two speeds": two_speeds}
    simulated = {
        f"simulated: {kind}, processes {100 * luck:.0f} % apart": (with_luck(noise, luck), LAYOUTS)
        for kind, noise in kinds.items()
        for luck in LUCK
    }
    landscapes = {
        name: Landscape(read(recordings.path_of(name)))
        for name in MODELS
        if recordings.path_of(name).exists()
    }
    same = {
        f"the hint itself: {name}": (the_hint_itself(known), REAL_LAYOUTS)
        for name, known in landscapes.items()
    }
    others = {
        f"configurations: {name}": (configurations(known), REAL_LAYOUTS) for name, known in landscapes.items()
    }
    return {**simulated, **same, **others}


def name_of(layout: tuple[int, int, int]) -> str:
    sittings, least, most = layout
    return f"{sittings} x {least}" + (f"-{most}" if most > least else "")


def main() -> None:
    evidence = Evidence("intervals")
    for name, (draw, layouts) in conditions().items():
        if name not in evidence.items:
            repetitions = REPETITIONS[name.split(":")[0]]
            found = {name_of(layout): compared(draw, layout, repetitions) for layout in layouts}
            evidence.save(name, **found)
            print(name, flush=True)


if __name__ == "__main__":
    main()
