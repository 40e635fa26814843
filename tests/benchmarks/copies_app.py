"""What a person writes for several processes: each compiles, keeps its `AsyncInferQueue` full, and counts.

    python -m tests.benchmarks.copies_app config.yaml hint|advice SECONDS

prints the items per second of all processes together, over the time in which all of them ran.
"""

import multiprocessing
import sys
import time
from collections.abc import Callable
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

WARM_S = 0.7


def serve(config: str, side: str, copy: int, seconds: float, ready: Barrier, counts: Queue) -> None:
    import openvino as ov

    import tuner
    from tuner.probe.inputs import make_pool

    advice = tuner.load(config)
    if side == "advice":
        compiled, batch, requests = advice.compile(copy=copy), advice.batch, advice.requests
    else:
        graph, hint = ov.Core().read_model(advice.model.path), advice.baseline.configuration
        graph.reshape({at: list(shape) for at, shape in advice.as_model().shapes(hint.batch).items()})
        compiled = ov.Core().compile_model(graph, hint.device, hint.compile_properties)
        batch, requests = hint.batch, hint.requests
    queue = ov.AsyncInferQueue(compiled, requests)
    for request in queue:
        samples = make_pool(advice.as_model(), {}, 0)
        for position, each in enumerate(advice.as_model().inputs):
            import numpy as np

            value = samples[0][each.name]
            rows = value if each.batch_axis is None else np.concatenate([value] * batch, each.batch_axis)
            request.get_input_tensor(position).data.view(rows.dtype)[...] = rows
    ready.wait()
    run_until(queue, time.perf_counter() + WARM_S)
    ready.wait()
    done, took_s = run_until(queue, time.perf_counter() + seconds)
    counts.put(done * batch / took_s)
    ready.wait()  # nobody has the cores for himself before all have counted


def run_until(queue: "ov.AsyncInferQueue", until: float) -> tuple[int, float]:  # noqa: F821
    clock: Callable[[], float] = time.perf_counter
    began, done = clock(), 0
    while clock() < until:
        queue.start_async(share_inputs=True)
        done += 1
    return done, clock() - began


def main() -> None:
    config, side, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    import tuner

    copies = tuner.load(config).copies
    context = multiprocessing.get_context("spawn")
    ready, counts = context.Barrier(copies), context.Queue()
    processes = [
        context.Process(target=serve, args=(config, side, copy, seconds, ready, counts))
        for copy in range(copies)
    ]
    for process in processes:
        process.start()
    print(sum(counts.get(timeout=300) for _ in processes))
    for process in processes:
        process.join()


if __name__ == "__main__":
    main()
