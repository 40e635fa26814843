"""Does a short window tell the rate that lasts?

Lanes of one model take turns, in random order, with windows of `LONG_S`, as they do in rounds. Of each the same starts of
requests are counted twice: up to the moment at which a default window would have ended, and all of
them. The quotient is what the short window is off by: cold caches, a scheduler that has not settled, how
edges are counted. Since both come from the same seconds, the drift of the host all but cancels; two lanes' difference is
the bias of their duel's ratio. Running it again adds turns, in fresh lanes, up to `TURNS`.
"""

import gc
import math
import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from tests.benchmarks.evidence import HINT, Evidence, configuration, lanes_of, plain, quiet_host
from tuner.domain.stats import speedup
from tuner.measure.comparison import WINDOW_S
from tuner.measure.process import START_METHOD
from tuner.measure.worker import COUNTED_CYCLES, DROPPED_CYCLES, Engine, LanePlan, cycle_rate
from tuner.probe.inputs import make_pool

LONG_S = 3.0
TURNS = 24
A_TIME = 12
NAMES = ("tiny", "dynamic_transformer", "squeezenet", "alexnet", "resnet50")
BASELINE = "hint, batch 1, 2 requests"
LANES = {
    BASELINE: (HINT, 1, 2),
    "hint, batch 1, 4 requests": (HINT, 1, 4),
    "hint, batch 8, 2 requests": (HINT, 8, 2),
    "1 stream, batch 4, 1 request": ({"NUM_STREAMS": 1}, 4, 1),
    "1 stream, batch 16, 2 requests": ({"NUM_STREAMS": 1}, 16, 2),
}


def serve(plan: LanePlan, pipe: Connection) -> None:
    """In a lane's process: count a window twice for every pair of lengths, until the pipe closes."""
    engine = Engine(plan)
    gc.disable()
    pipe.send(None)
    while True:
        try:
            pipe.send(twice(engine, *pipe.recv()))
        except EOFError:
            return


def twice(engine: Engine, short_s: float, long_s: float) -> tuple[float, float]:
    """Return the rates of a short window and of the long one that begins with it."""
    if engine._lead_s:
        engine._spin(engine._lead_s)
    starts, _ = engine._spin(long_s)
    engine._queue.wait_all()
    return rate(cut(starts, short_s)), rate(starts)


def cut(starts: Sequence[Sequence[float]], seconds: float) -> list[Sequence[float]]:
    """Return what a window of `seconds` sees: it ends at a start, once every request has its cycles."""
    needed = DROPPED_CYCLES + COUNTED_CYCLES + 1
    due = max(starts[0][0] + seconds, *(times[needed - 1] for times in starts))
    end = min((one for times in starts for one in times if one >= due), default=due)
    return [[one for one in times if one <= end] for times in starts]


def rate(starts: Sequence[Sequence[float]]) -> float:
    return sum(map(cycle_rate, starts))


def turns(name: str, folder: Path) -> dict[str, list[float]]:
    """Return, by lane, log(short rate / long rate) of every turn."""
    model, _ = lanes_of(name, folder)
    samples, context, pipes = make_pool(model, {}, 0), get_context(START_METHOD), {}
    with ExitStack() as stack:
        for words, one in LANES.items():
            pipes[words], theirs = context.Pipe()
            process = context.Process(
                target=serve, args=(LanePlan(model, configuration(*one), samples), theirs), daemon=True
            )
            process.start()
            stack.callback(process.kill)
            theirs.close()
            pipes[words].recv()
        for pipe in pipes.values():
            ask(pipe, WINDOW_S, WINDOW_S)
        rng, gaps = random.Random(0), {words: [] for words in LANES}
        for _ in range(A_TIME):
            for words in rng.sample(list(LANES), len(LANES)):
                short, long = ask(pipes[words], WINDOW_S, LONG_S)
                gaps[words].append(math.log(short / long))
        return gaps


def ask(pipe: Connection, short_s: float, long_s: float) -> tuple[float, float]:
    pipe.send((short_s, long_s))
    return pipe.recv()


def main() -> None:
    evidence = Evidence("bias")
    with quiet_host("bias"), tempfile.TemporaryDirectory() as folder:
        for goal in range(A_TIME, TURNS + 1, A_TIME):
            for name in sys.argv[1:] or NAMES:
                known = evidence.items.get(name, {}).get("gaps", {words: [] for words in LANES})
                if len(known[BASELINE]) < goal:
                    more = turns(name, Path(folder))
                    gaps = {words: known[words] + more[words] for words in LANES}
                    evidence.save(name, lanes=lane_bias(gaps), duels=duel_bias(gaps), gaps=gaps)
                    print(
                        name,
                        {words: one["ratio"] for words, one in evidence.items[name]["duels"].items()},
                        flush=True,
                    )


def lane_bias(gaps: dict[str, list[float]]) -> dict[str, object]:
    return {words: plain(speedup(each)) for words, each in gaps.items()}


def duel_bias(gaps: dict[str, list[float]]) -> dict[str, object]:
    """Return, for each challenger of the first lane, what a duel's ratio is off by."""
    return {
        words: plain(speedup([one - hint for one, hint in zip(each, gaps[BASELINE], strict=True)]))
        for words, each in gaps.items()
        if words != BASELINE
    }


if __name__ == "__main__":
    main()
