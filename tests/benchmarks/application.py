"""Does an application reach the speed that the advice promises?

A configuration that searches picked, run in turns, each time in a fresh process that is given single samples:
by `infer_many`, by the runner for servers, by a hand-written `AsyncInferQueue`, and by the plain synchronous
loop with the hint; each over the rate of a lane's window, which is what the YAML's `throughput_fps` is.
"""

import asyncio
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from itertools import cycle
from pathlib import Path

import msgspec
import numpy as np
import openvino as ov

from tests.advice.advice_of import advice_of
from tests.benchmarks.evidence import FOLDER, HINT, Evidence, configuration_of, lanes_of, plain, quiet_host
from tests.benchmarks.models import MODELS
from tuner.advice.advice import Advice
from tuner.advice.loader import read
from tuner.advice.writer import write_advice
from tuner.domain.stats import speedup_over_sittings
from tuner.probe.inputs import make_pool

NAMES = ("tiny", "dynamic_transformer", "detector", "transformer", "squeezenet", "wide_mlp", "resnet50")
SECONDS, WARM_S = 2.0, 0.7
TURNS = 8
CALLERS_A_REQUEST = 2
"""Coroutines for each place in a batch in flight, so that the runner always finds the next sample waiting."""


def samples_of(advice: Advice) -> list[dict[str, np.ndarray]]:
    return list(make_pool(advice.as_model(), {}, 0))


def infer_many(advice: Advice, share_inputs: bool = False) -> float:
    compiled = advice.compile()
    clock = time.perf_counter
    answers = advice.infer_many(compiled, cycle(samples_of(advice)), share_inputs=share_inputs)
    warm_until = clock() + WARM_S
    while clock() < warm_until:
        next(answers)
    count, began = 0, clock()
    while clock() - began < SECONDS:
        next(answers)
        count += 1
    rate = count / (clock() - began)
    answers.close()
    return rate


def runner(advice: Advice) -> float:
    compiled, samples = advice.compile(), samples_of(advice)
    callers = CALLERS_A_REQUEST * advice.requests * advice.batch

    async def serve() -> float:
        clock, counts, warm = time.perf_counter, [0], time.perf_counter() + WARM_S
        end = warm + SECONDS

        async with advice.runner(compiled) as server:

            async def call(number: int) -> None:
                while (now := clock()) < end:
                    await server.infer(samples[number % len(samples)])
                    counts[0] += now >= warm

            await asyncio.gather(*map(call, range(callers)))
        return counts[0] / (clock() - warm)

    return asyncio.run(serve())


def by_hand(advice: Advice) -> float:
    """What the documentation shows: stack a batch, start it, copy the answers in the callback."""
    compiled = advice.compile()
    queue = ov.AsyncInferQueue(compiled, advice.requests)
    done: list[np.ndarray] = []
    queue.set_callback(lambda request, _: done.append(request.get_output_tensor(0).data.copy()))
    axes, source, clock = advice.model.batch_axes, cycle(samples_of(advice)), time.perf_counter

    def start() -> None:
        items = [next(source) for _ in range(advice.batch)]
        queue.start_async(
            {
                name: np.concatenate([sample[name] for sample in items], axes[name])
                if name in axes
                else items[0][name]
                for name in advice.model.inputs
            }
        )

    warm_until = clock() + WARM_S
    while clock() < warm_until:
        start()
    done.clear()
    began = clock()
    while clock() - began < SECONDS:
        start()
    queue.wait_all()
    return len(done) * advice.batch / (clock() - began)


def synchronous(advice: Advice) -> float:
    compiled, clock = advice.compile(), time.perf_counter
    request, source = compiled.create_infer_request(), cycle(samples_of(advice))
    warm_until = clock() + WARM_S
    while clock() < warm_until:
        request.infer(next(source))
    count, began = 0, clock()
    while clock() - began < SECONDS:
        for output in request.infer(next(source)).values():
            output.copy()
        count += 1
    return count / (clock() - began)


WAYS = {
    "infer_many": infer_many,
    "sharing inputs": partial(infer_many, share_inputs=True),
    "runner": runner,
    "by hand": by_hand,
    "synchronous": synchronous,
}


def pick_of(name: str) -> dict[str, object]:
    """Return what the recorded search of 60 s picked."""
    return json.loads((FOLDER / "regret.json").read_text())["items"][f"{name}: seed 0"]["pick"]


def measure(name: str, folder: Path) -> dict[str, object]:
    model, lanes = lanes_of(name, folder)
    pick = configuration_of(pick_of(name))
    advice = advice_of(
        model.path, pick.compile_properties, pick.batch, pick.requests, shapes=MODELS[name].shapes
    )
    single = msgspec.structs.replace(
        advice, best=msgspec.structs.replace(advice.best, properties=HINT, batch=model.batch, requests=1)
    )
    ways = [way for way in WAYS if way != "sharing inputs" or pick.batch == 1]
    paths = {way: folder / f"{name}-{way.replace(' ', '-')}.yaml" for way in ways}
    for way, path in paths.items():
        write_advice(single if way == "synchronous" else advice, path)

    def in_an_application(way: str) -> float:
        command = [sys.executable, "-m", "tests.benchmarks.application", "run", way, paths[way]]
        return float(
            subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
        )

    def in_a_lane() -> float:
        with closing(lanes.open(pick)) as lane:
            lane.window(WARM_S)
            return lane.window(SECONDS).rate_fps

    rng, turns = random.Random(0), []
    for _ in range(TURNS):
        turn = {}
        for way in rng.sample(["lane", *ways], len(ways) + 1):
            turn[way] = in_a_lane() if way == "lane" else in_an_application(way)
        turns.append(turn)
    over = {
        way: plain(speedup_over_sittings([[math.log(turn[way] / turn["lane"])] for turn in turns]))
        for way in ways
    }
    return {"pick": pick_of(name), "fps": turns[0]["lane"], "over": over, "turns": turns}


def main() -> None:
    if sys.argv[1:2] == ["run"]:
        (advice,) = read(sys.argv[3])
        print(WAYS[sys.argv[2]](advice))
        return
    evidence = Evidence("application")
    with quiet_host("application"), tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or NAMES:
            if name not in evidence.items:
                evidence.save(name, **measure(name, Path(folder)))
                print(
                    name,
                    {way: found["ratio"] for way, found in evidence.items[name]["over"].items()},
                    flush=True,
                )


if __name__ == "__main__":
    main()
