"""Does MLPerf's load generator see what the tuner reports? Its Server and Offline scenarios drive the advice.

*Server*: a search for the highest arrival rate within a p99 latency of ten times the hint's own with a single request reports a
boundary. LoadGen then sends Poisson arrivals at rates below and above it to the advised configuration, in a process and a program
of its own in Python, and the rate at which its p99 crosses the limit is read off an isotonic fit. *Offline*: a search for throughput
reports items per second; LoadGen hands over all samples at once and reports its samples per second. LoadGen drives a program in
Python and one in C++ (`server.cpp`, built against LoadGen's own sources): the interpreter costs what LoadGen measures. Between LoadGen's runs a lane of
the tuner measures the same configuration at the same rates: so what LoadGen sees is also compared with what the tuner sees at the same
time, because this host's speed drifts from minute to minute.
"""

import importlib.metadata
import math
import queue
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from contextlib import closing
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import openvino as ov

import tuner
from tests.benchmarks.evidence import Evidence, as_data, configuration, lanes_of, plain
from tests.benchmarks.models import MODELS
from tuner.advice.advice import Advice
from tuner.advice.loader import read
from tuner.domain.limit import Limit
from tuner.domain.load import Load
from tuner.domain.result import Result
from tuner.domain.sample import Latency, Window
from tuner.measure.boundary import Probed, boundary_of
from tuner.measure.lane import LoadError

NAMES = ("squeezenet", "transformer", "detector", "resnet50", "alexnet")
LIMIT = 10.0
"""Times the latency of a single request of the hint that the p99 latency may be."""

BUDGET_S = {"rate": 60, "throughput": 30}
SHARES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
"""Of the boundary, the rates that LoadGen is run at."""

LEAST_S, LEAST_ITEMS = 4.0, 1500
OFFLINE_S, OFFLINE_TURNS = 4.0, 3


SWITCH_S = 1e-4
"""Seconds after which a thread of Python lets another one run: the default of 5 ms is longer than most limits."""


class Served:
    """The advised configuration as the system under test: it gathers what arrives, as the runner does."""

    def __init__(self, advice: Advice) -> None:
        import mlperf_loadgen as loadgen

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
        self._start, self._idle = own.start_async, own.get_idle_request_id
        self._waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _answered(self, _request: object, samples: list[int]) -> None:
        self._loadgen.QuerySamplesComplete(
            [self._loadgen.QuerySampleResponse(sample, 0, 0) for sample in samples]
        )

    def issue_all(self, queries: list[object]) -> None:
        """Answer all samples at once, as a loop over a data set does: without callbacks, in batches."""
        self._queue.set_callback(lambda _request, _samples: None)
        running: dict[int, list[int]] = {}
        samples = [query.id for query in queries]
        for first in range(0, len(samples), self._batch):
            request = self._idle()
            if request in running:
                self._answered(None, running[request])
            running[request] = samples[first : first + self._batch]
            self._start({}, None)
        self._queue.wait_all()
        for answered in running.values():
            self._answered(None, answered)

    def issue(self, queries: list[object]) -> None:
        for query in queries:
            self._waiting.put(query.id)

    def _serve(self) -> None:
        """Start a batch when it is full, or when its first item has waited long enough, and a request is idle."""
        while (first := self._waiting.get()) is not None:
            taken, due = [first], time.perf_counter() + self._wait_s
            self._idle()
            while len(taken) < self._batch:
                try:
                    left_s = due - time.perf_counter()
                    following = (
                        self._waiting.get(timeout=left_s) if left_s > 0 else self._waiting.get_nowait()
                    )
                except queue.Empty:
                    break
                if following is None:
                    self._waiting.put(None)
                    break
                taken.append(following)
            self._start({}, taken)

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()
        self._queue.wait_all()


def run(config: str, scenario: str, rate: float, seconds: float, folder: str) -> None:
    """Run LoadGen once; its summary is in the folder."""
    import mlperf_loadgen as loadgen

    sys.setswitchinterval(SWITCH_S)
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
    issue = served.issue_all if scenario == "Offline" else served.issue
    sut = loadgen.ConstructSUT(issue, lambda: None)
    samples = loadgen.ConstructQSL(64, 64, lambda _: None, lambda _: None)
    loadgen.StartTestWithLogSettings(sut, samples, settings, logs)
    served.close()


def build(folder: Path) -> Path:
    """Compile `server.cpp` with LoadGen's sources, those of the version that is installed, and return the program."""
    package = f"mlcommons_loadgen=={importlib.metadata.version('mlcommons_loadgen')}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--dest", folder, package], check=True, stderr=subprocess.DEVNULL)
    (archive,) = folder.glob("mlcommons_loadgen-*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    sources, program = archive.with_name(archive.name.removesuffix(".tar.gz")), folder / "server"
    openvino = Path(ov.__file__).parent
    (library,) = (openvino / "libs").glob("libopenvino.so.*")
    command = [
        "g++",
        "-O2",
        "-std=c++17",
        "-pthread",
        "-DMAJOR_VERSION=6",
        "-DMINOR_VERSION=0",
        "-o",
        program,
    ]
    command += ["-I", sources, "-I", openvino / "include", Path(__file__).with_name("server.cpp")]
    command += [*sources.glob("*.cc"), *sources.glob("generated/*.cc")]
    subprocess.run([*command, library, f"-Wl,-rpath,{library.parent}"], check=True)
    return program


def loadgen_says(
    program: Path | None, config: Path, scenario: str, rate: float, seconds: float, pattern: str
) -> float:
    """Run LoadGen in a process of its own, the program in C++ if there is one, and return a figure of its summary."""
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
        if program:
            (advice,) = read(config)
            blob = Path(folder) / "compiled.blob"
            blob.write_bytes(advice.compile().export_model().getvalue())
            wait_ms = advice.best.configuration.max_wait_ms
            command = [program, blob, scenario, rate, seconds, advice.batch, advice.requests, wait_ms, folder]
            command += [f"{name}={value}" for name, value in advice.properties.items()]
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


def searched(name: str, folder: Path, **question: object) -> tuple[Path, Result]:
    output = folder / f"{name}-{question.get('objective', 'throughput')}"
    result = tuner.search(
        MODELS[name].make(folder), device="CPU", shapes=MODELS[name].shapes, output=output, **question
    )
    return output / "config.yaml", result


def server(name: str, folder: Path, program: Path | None) -> dict[str, object]:
    limit = Limit("p99", limit_for(name, folder))
    config, result = searched(
        name, folder, budget=BUDGET_S["rate"], objective="rate", max_latency=f"{limit.bound}ms"
    )
    best = result.verdict.best
    assert best.measured
    reported = best.boundary.ratio if best.boundary else best.measured.throughput_fps
    _, lanes = lanes_of(name, folder)
    pattern, seen = r"99\.00 percentile latency \(ns\)\s*:\s*(\d+)", []
    for number, share in enumerate(SHARES):
        rate = share * reported
        seconds = max(LEAST_S, LEAST_ITEMS / rate)
        loadgen_ms = loadgen_says(program, config, "Server", rate, seconds, pattern) / 1e6
        with closing(lanes.open(best.configuration)) as lane:
            lane.window(0.5)
            surplus = best.configuration.batch - 1
            try:
                window = lane.open_loop(Load(rate, 7).arrivals(number, seconds, surplus))
                lane_ms = float(np.percentile(window.latencies_ms, 99))
            except LoadError:
                lane_ms = None
        seen.append({"rate": rate, "loadgen_ms": loadgen_ms, "lane_ms": lane_ms})
    loadgen, lane_now = (boundary_seen(seen, side, limit) for side in ("loadgen_ms", "lane_ms"))
    return {
        "limit_ms": limit.bound,
        "verdict": result.verdict.kind,
        "pick": as_data(best.configuration),
        "reported": plain(best.boundary) if best.boundary else reported,
        "hint": result.baseline.measured.throughput_fps if result.baseline.measured else None,
        "trials": len(result.trials),
        "seen": seen,
        "loadgen": loadgen,
        "lane": lane_now,
        "over_reported": loadgen / reported if loadgen else None,
        "over_lane": loadgen / lane_now if loadgen and lane_now else None,
    }


def boundary_seen(seen: list[dict[str, Any]], side: str, limit: Limit) -> float | None:
    """Return the rate at which a p99 crosses the limit; None where it is beyond it at every rate."""
    return boundary_of(
        [
            Probed(each["rate"], math.log(each[side] / limit.bound) if each[side] else math.inf)
            for each in seen
        ]
    )


def offline(name: str, folder: Path, program: Path | None) -> dict[str, object]:
    config, result = searched(name, folder, budget=BUDGET_S["throughput"])
    best = result.verdict.best
    assert best.measured
    reported, turns = best.measured.throughput_fps, []
    _, lanes = lanes_of(name, folder)
    for _ in range(OFFLINE_TURNS):
        seen = loadgen_says(
            program, config, "Offline", reported, OFFLINE_S, r"Samples per second:\s*([\d.]+)"
        )
        with closing(lanes.open(best.configuration)) as lane:
            lane.window(0.5)
            turns.append({"loadgen": seen, "lane": lane.window(OFFLINE_S).rate_fps})
    return {
        "verdict": result.verdict.kind,
        "pick": as_data(best.configuration),
        "reported": reported,
        "turns": turns,
        "loadgen": median(turn["loadgen"] for turn in turns),
        "lane": median(turn["lane"] for turn in turns),
        "over_reported": median(turn["loadgen"] for turn in turns) / reported,
        "over_lane": median(turn["loadgen"] / turn["lane"] for turn in turns),
    }


def main() -> None:
    if sys.argv[1:2] == ["run"]:
        config, scenario, rate, seconds, folder = sys.argv[2:]
        run(config, scenario, float(rate), float(seconds), folder)
        return
    evidence, drives = Evidence("loadgen"), {"Offline": offline, "Server": server}
    with tempfile.TemporaryDirectory() as built:
        programs = {"Python": None, "C++": build(Path(built))}
        for name, language, scenario in product(sys.argv[1:] or NAMES, programs, drives):
            item = f"{name}: {scenario}" if language == "Python" else f"{name}: {scenario} in {language}"
            if item not in evidence.items:
                with tempfile.TemporaryDirectory() as folder:
                    evidence.save(item, **drives[scenario](name, Path(folder), programs[language]))
                found = evidence.items[item]
                print(item, found["over_reported"], found["over_lane"], flush=True)


if __name__ == "__main__":
    main()
