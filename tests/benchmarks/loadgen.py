"""Does MLPerf's load generator see what the tuner reports? Its Server and Offline scenarios drive the advice.

*Server*: a search for the highest arrival rate within a p99 latency of five times the hint's own with a single request reports a
boundary. LoadGen then sends Poisson arrivals at rates around it, each for long enough, to the advised configuration in a process of
its own, and the rate at which its own p99 crosses the limit is read off an isotonic fit. *Offline*: a search for throughput
reports items per second; LoadGen hands over all samples at once and reports its samples per second.
"""

import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from statistics import median

import numpy as np
import openvino as ov

import tuner
from tests.benchmarks.evidence import Evidence, as_data, configuration, lanes_of, plain
from tests.benchmarks.models import MODELS
from tuner.advice.advice import Advice
from tuner.advice.loader import read
from tuner.domain.limit import Limit
from tuner.domain.sample import Latency, Window
from tuner.measure.boundary import Probed, boundary_of

NAMES = ("squeezenet", "transformer", "detector", "resnet50", "alexnet")
LIMIT = 5.0
"""Times the latency of a single request of the hint that the p99 latency may be."""

BUDGET_S = {"rate": 90, "throughput": 30}
SHARES = (0.9, 0.95, 1.0, 1.05, 1.1)
"""Of the boundary, the rates that LoadGen is run at."""

LEAST_S, LEAST_ITEMS = 6.0, 1500
OFFLINE_S, OFFLINE_TURNS = 6.0, 3


class Served:
    """The advised configuration as the system under test: it gathers what arrives, as the runner does."""

    def __init__(self, advice: Advice) -> None:
        import mlcommons_loadgen as loadgen

        self._loadgen, self._batch = loadgen, advice.batch
        self._wait_s = advice.best.configuration.max_wait_ms / 1e3
        compiled = advice.compile()
        self._queue = ov.AsyncInferQueue(compiled, advice.requests)
        for request in self._queue:
            for tensor in request.input_tensors:
                tensor.data[...] = np.resize(np.linspace(0, 1, 997), tensor.data.shape).astype(
                    tensor.data.dtype
                )
        self._queue.set_callback(self._answered)
        own = super(ov.AsyncInferQueue, self._queue)  # its start_async passes no inputs: they are set
        self._start = own.start_async
        self._waiting: deque[tuple[int, float]] = deque()
        self._arrived = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _answered(self, _request: object, samples: list[int]) -> None:
        self._loadgen.QuerySamplesComplete(
            [self._loadgen.QuerySampleResponse(sample, 0, 0) for sample in samples]
        )

    def issue(self, queries: list[object]) -> None:
        now = time.perf_counter()
        with self._arrived:
            self._waiting.extend((query.id, now) for query in queries)
            self._arrived.notify()

    def _serve(self) -> None:
        while True:
            self._queue.get_idle_request_id()
            with self._arrived:
                while not (self._is_due() or (self._ended and not self._waiting)):
                    left_s = (
                        self._waiting[0][1] + self._wait_s - time.perf_counter() if self._waiting else None
                    )
                    self._arrived.wait(None if left_s is None else max(left_s, 0.0))
                if not self._waiting:
                    return
                taken = [self._waiting.popleft()[0] for _ in range(min(self._batch, len(self._waiting)))]
            self._start({}, taken)

    def _is_due(self) -> bool:
        if len(self._waiting) >= self._batch:
            return True
        return bool(self._waiting) and time.perf_counter() >= self._waiting[0][1] + self._wait_s

    def close(self) -> None:
        with self._arrived:
            self._ended = True
            self._arrived.notify()
        self._thread.join()
        self._queue.wait_all()


def run(config: str, scenario: str, rate: float, seconds: float, folder: str) -> None:
    """Run LoadGen once; its summary is in the folder."""
    import mlcommons_loadgen as loadgen

    (advice,) = read(config)
    served = Served(advice)
    settings, logs = loadgen.TestSettings(), loadgen.LogSettings()
    settings.scenario = getattr(loadgen.TestScenario, scenario)
    settings.mode = loadgen.TestMode.PerformanceOnly
    settings.min_duration_ms = int(1e3 * seconds)
    settings.min_query_count = int(rate * seconds) if scenario == "Server" else 1
    settings.server_target_qps = settings.offline_expected_qps = rate
    settings.server_target_latency_percentile = 0.99
    logs.log_output.outdir, logs.log_output.copy_summary_to_stdout = folder, False
    sut = loadgen.ConstructSUT(served.issue, lambda: None)
    samples = loadgen.ConstructQSL(64, 64, lambda _: None, lambda _: None)
    loadgen.StartTestWithLogSettings(sut, samples, settings, logs)
    served.close()


def loadgen_says(config: Path, scenario: str, rate: float, seconds: float, pattern: str) -> float:
    """Run LoadGen in a process of its own, and return a figure of its summary."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.loadgen",
            "run",
            config,
            scenario,
            rate,
            seconds,
            folder,
        ]
        subprocess.run(list(map(str, command)), capture_output=True, check=True, timeout=300)
        text = (Path(folder) / "mlperf_log_summary.txt").read_text()
    return float(re.findall(pattern, text)[0])


def limit_for(name: str, folder: Path) -> float:
    """Return the limit in milliseconds."""
    _, lanes = lanes_of(name, folder)
    lane = lanes.open(configuration({"PERFORMANCE_HINT": "LATENCY"}, 1, 1))
    window: Window = lane.window(1.0)
    lane.close()
    return float(f"{LIMIT * Latency.of(window.latencies_ms).p50:.3g}")


def server(name: str, folder: Path) -> dict[str, object]:
    limit_ms, output = limit_for(name, folder), folder / f"{name}-rate"
    result = tuner.search(
        MODELS[name].make(folder), device="CPU", budget=BUDGET_S["rate"], shapes=MODELS[name].shapes,
        objective="rate", max_latency=f"{limit_ms}ms", output=output,
    )  # fmt: skip
    best, limit = result.verdict.best, Limit("p99", limit_ms)
    assert best.measured
    boundary = best.boundary
    reported = boundary.ratio if boundary else best.measured.throughput_fps
    probes = []
    for share in SHARES:
        rate = share * reported
        seconds = max(LEAST_S, LEAST_ITEMS / rate)
        p99_ms = loadgen_says(
            output / "config.yaml", "Server", rate, seconds, r"99\.00 percentile latency \(ns\)\s*:\s*(\d+)"
        ) / 1e6  # fmt: skip
        probes.append((rate, p99_ms))
    seen = boundary_of([Probed(rate, np.log(p99_ms / limit.bound)) for rate, p99_ms in probes])
    return {
        "limit_ms": limit_ms,
        "verdict": result.verdict.kind,
        "pick": as_data(best.configuration),
        "reported": plain(boundary) if boundary else reported,
        "hint": result.baseline.measured.throughput_fps if result.baseline.measured else None,
        "trials": len(result.trials),
        "probes": probes,
        "loadgen": seen,
        "over_reported": seen / reported if seen else None,
    }


def offline(name: str, folder: Path) -> dict[str, object]:
    output = folder / f"{name}-throughput"
    result = tuner.search(
        MODELS[name].make(folder),
        device="CPU",
        budget=BUDGET_S["throughput"],
        shapes=MODELS[name].shapes,
        output=output,
    )
    measured = result.verdict.best.measured
    assert measured
    reported = measured.throughput_fps
    turns = [
        loadgen_says(
            output / "config.yaml", "Offline", reported, OFFLINE_S, r"Samples per second:\s*([\d.]+)"
        )
        for _ in range(OFFLINE_TURNS)
    ]
    return {
        "verdict": result.verdict.kind,
        "pick": as_data(result.verdict.best.configuration),
        "reported": reported,
        "turns": turns,
        "over_reported": median(turns) / reported,
    }


def main() -> None:
    if sys.argv[1:2] == ["run"]:
        config, scenario, rate, seconds, folder = sys.argv[2:]
        run(config, scenario, float(rate), float(seconds), folder)
        return
    evidence = Evidence("loadgen")
    for name in sys.argv[1:] or NAMES:
        for scenario, drive in {"Offline": offline, "Server": server}.items():
            item = f"{name}: {scenario}"
            if item not in evidence.items:
                with tempfile.TemporaryDirectory() as folder:
                    evidence.save(item, **drive(name, Path(folder)))
                print(item, evidence.items[item]["over_reported"], flush=True)


if __name__ == "__main__":
    main()
