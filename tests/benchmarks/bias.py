"""Does a short window tell the rate that lasts?

Lanes of one model take turns, in random order, with windows of `LONG_S`, as they do in rounds. The starts of requests
in each are counted three ways: all of them; cut into default windows one after the other, each counted as if it had
been one; and the first of those alone. The second over the first is what the way of counting is off by: the same
seconds, so no drift of the host is in it. The third over the first adds what a lane pays for starting
cold, and the noise of a single short window. Two lanes' difference is the bias of their duel's ratio.
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

import numpy as np

from tests.benchmarks.evidence import HINT, Evidence, configuration, lanes_of, plain, quiet_host
from tuner.domain.stats import speedup
from tuner.measure.comparison import WINDOW_S
from tuner.measure.process import START_METHOD
from tuner.measure.worker import COUNTED_CYCLES, DROPPED_CYCLES, Engine, LanePlan, cycle_rate
from tuner.probe.inputs import make_pool

LONG_S = 3.0
TURNS = 8
NEEDED = DROPPED_CYCLES + COUNTED_CYCLES + 1
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
    """In a lane's process: count windows in three ways until the pipe closes."""
    engine = Engine(plan)
    gc.disable()
    pipe.send(None)
    while True:
        try:
            pipe.send(count(engine, *pipe.recv()))
        except EOFError:
            return


def count(engine: Engine, short_s: float, long_s: float) -> dict[str, float]:
    """Return log(rate / rate of the whole window), counted in short windows and in the first alone."""
    if engine._lead_s:
        engine._spin(engine._lead_s)
    starts, _ = engine._spin(long_s)
    engine._queue.wait_all()
    rates, spans, rest = [], [], starts
    while min(map(len, rest)) >= NEEDED and (short := cut(rest, short_s)):
        end = max(times[-1] for times in short)
        rates.append(rate(short))
        spans.append(end - min(times[0] for times in short))
        rest = [[start for start in times if start >= end] for times in rest]
    whole = rate(starts)
    return {
        "counting": math.log(np.average(rates, weights=spans) / whole),
        "start": math.log(rates[0] / whole),
    }


def cut(starts: Sequence[Sequence[float]], seconds: float) -> list[list[float]]:
    """Return what a window of `seconds` sees: it ends at a start, once every request has its cycles.

    Empty when the starts end before the window would.
    """
    due = max(min(times[0] for times in starts) + seconds, *(times[NEEDED - 1] for times in starts))
    end = min((start for times in starts for start in times if start >= due), default=None)
    return [] if end is None else [[start for start in times if start <= end] for times in starts]


def rate(starts: Sequence[Sequence[float]]) -> float:
    return sum(map(cycle_rate, starts))


def turns(name: str, folder: Path) -> dict[str, dict[str, list[float]]]:
    """Return, by lane and way of counting, log(rate / rate of the whole window) of every turn."""
    model, _ = lanes_of(name, folder)
    samples, context, pipes = make_pool(model, {}, 0), get_context(START_METHOD), {}
    with ExitStack() as stack:
        for words, asked in LANES.items():
            pipes[words], theirs = context.Pipe()
            plan = LanePlan(model, configuration(*asked), samples)
            process = context.Process(target=serve, args=(plan, theirs), daemon=True)
            process.start()
            stack.callback(process.kill)
            theirs.close()
            pipes[words].recv()
        for pipe in pipes.values():
            ask(pipe, 5 * WINDOW_S)
        rng, gaps = random.Random(0), {words: {"counting": [], "start": []} for words in LANES}
        for _ in range(TURNS):
            for words in rng.sample(list(LANES), len(LANES)):
                for way, gap in ask(pipes[words], LONG_S).items():
                    gaps[words][way].append(gap)
        return gaps


def ask(pipe: Connection, long_s: float) -> dict[str, float]:
    pipe.send((WINDOW_S, long_s))
    return pipe.recv()


def main() -> None:
    evidence = Evidence("bias")
    with quiet_host("bias"), tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or NAMES:
            if name not in evidence.items:
                gaps = turns(name, Path(folder))
                lanes = {
                    words: {way: plain(speedup(each)) for way, each in ways.items()}
                    for words, ways in gaps.items()
                }
                evidence.save(name, lanes=lanes, duels=duels(gaps), gaps=gaps)
                print(name, {words: lane["counting"]["ratio"] for words, lane in lanes.items()}, flush=True)


def duels(gaps: dict[str, dict[str, list[float]]]) -> dict[str, object]:
    """Return, for each candidate beside the first lane, what their ratio is off by."""

    def off(words: str, way: str) -> list[float]:
        return [gap - hint for gap, hint in zip(gaps[words][way], gaps[BASELINE][way], strict=True)]

    return {
        words: {way: plain(speedup(off(words, way))) for way in ways}
        for words, ways in gaps.items()
        if words != BASELINE
    }


if __name__ == "__main__":
    main()
