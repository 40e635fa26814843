"""What the tuner itself costs: start-up, first trial, time lost between trials, memory, large reports."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import openvino

import tuner
from tests.benchmarks.evidence import HINT, Evidence, configuration, lanes_of, quiet_host
from tests.benchmarks.models import MODELS
from tests.lanes.in_turn import open_in_turn
from tests.report.results import many
from tests.study.test_reading import saved
from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.tuning.progress import BaselineReady, Event, FinalBegan, TrialBegan, TrialEnded

NAMES = ("tiny", "squeezenet", "resnet50", "densenet121")
LANES = ("tiny", "squeezenet", "alexnet", "resnet50", "densenet121")
TIMES = 15
READING = "import optuna; optuna.load_study(study_name=None, storage='{url}').get_trials(deepcopy=False)"
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import tuner": ["-c", "import tuner"],
    "tuner.load": ["-c", "from tuner import load"],
    "tuner --help": ["-m", "tuner", "--help"],
}


def start_up() -> dict[str, object]:
    """Return the median milliseconds of each command, run in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(TIMES):
        for name, words in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
            seconds[name].append((time.perf_counter() - began) * 1e3)
    return {"ms": {name: round(median(times), 1) for name, times in seconds.items()}, "times": TIMES}


def watched_search(name: str, began: float, folder: Path) -> None:
    """Search with an eye on the clock, in this process, and print what was seen."""
    moments: list[tuple[float, Event]] = []
    path, shapes = MODELS[name].make(folder), MODELS[name].shapes
    result = tuner.search(
        path,
        shapes=shapes,
        budget=30,
        output=folder / "out",
        observer=lambda event: moments.append((time.time(), event)),
    )
    ended = time.time()
    first = {
        kind: next(at for at, event in moments if isinstance(event, kind))
        for kind in (BaselineReady, TrialBegan)
    }
    final_at = next(at for at, event in moments if isinstance(event, FinalBegan))
    trials = [event.trial for _, event in moments if isinstance(event, TrialEnded)]
    measured_s = sum(
        sum(trial.window_s for _ in trial.rounds) + len(trial.rounds) * result.trials[0].window_s
        for trial in trials
        if trial.window_s
    )
    exploring_s = final_at - first[TrialBegan]
    print(
        json.dumps(
            {
                "to_first_trial_s": round(first[TrialBegan] - began, 2),
                "trials": len(trials),
                "exploring_s": round(exploring_s, 2),
                "in_counted_windows": round(measured_s / exploring_s, 3),
                "lost_a_trial_s": round((exploring_s - measured_s) / len(trials), 3),
                "of_it_compiling_s": round(sum(trial.compile_s or 0.0 for trial in trials) / len(trials), 3),
                "wall_s": round(ended - began, 1),
                "memory_mb": peak_memory_mb(),
            }
        )
    )


def peak_memory_mb() -> int:
    """Return this process's peak in MiB; `ru_maxrss` would tell that of the process it was started from."""
    status = Path("/proc/self/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def cost_of(name: str) -> dict[str, object]:
    command = [sys.executable, "-m", "tests.benchmarks.cost", name, str(time.time())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def lane_start(name: str, folder: Path) -> dict[str, object]:
    """Return the medians of what opening lanes takes, and of what a cache of compiled blobs would save.

    Three configurations are opened one after the other and at the same time, in turns.
    """
    model, lanes = lanes_of(name, folder)
    three = [configuration(HINT, 1, 2), configuration(HINT, 4, 2), configuration({"NUM_STREAMS": 1}, 2, 2)]
    seconds: dict[str, list[float]] = {"in_turn_s": [], "at_once_s": [], "compile_s": [], "from_cache_s": []}
    for _ in range(5):
        for key, opening in (
            ("in_turn_s", lambda: open_in_turn(lanes, three)),
            ("at_once_s", lambda: lanes.open_all(three)),
        ):
            began = time.perf_counter()
            opened = opening()
            seconds[key].append(time.perf_counter() - began)
            for lane in opened:
                lane.close()
        for key, properties in (("compile_s", {}), ("from_cache_s", {"CACHE_DIR": str(folder / "cache")})):
            seconds[key].append(compile_s(model, three[0], properties))
    del seconds["from_cache_s"][0]  # it filled the cache
    return {key: round(median(times), 3) for key, times in seconds.items()}


def compile_s(model: Model, asked: Configuration, properties: dict[str, str]) -> float:
    core = openvino.Core()
    began = time.perf_counter()
    graph = core.read_model(model.path)
    graph.reshape({index: list(shape) for index, shape in model.shapes(asked.batch).items()})
    core.compile_model(graph, "CPU", {**asked.compile_properties, **properties})
    return time.perf_counter() - began


def report_of_many(folder: Path) -> dict[str, object]:
    """Return what `tuner report` takes for a study of 5,000 trials, and Optuna alone to read them.

    The trials are those of a simulated search, again and again.
    """
    result = many()
    saved(folder / "many.db", result)
    commands = {
        "report": ["-m", "tuner", "report", str(folder / "many.db"), "--output", str(folder)],
        "optuna": ["-c", READING.format(url=f"sqlite:///{folder / 'many.db'}")],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(TIMES):
        for name, words in commands.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - began)
    return {
        "trials": len(result.trials),
        "report_s": round(median(seconds["report"]), 2),
        "slowest_s": round(max(seconds["report"]), 2),
        "over_reading": round(median(seconds["report"]) / median(seconds["optuna"]), 2),
        "html_mb": round((folder / "report.html").stat().st_size / 1e6, 1),
        "times": TIMES,
    }


def main() -> None:
    evidence = Evidence("cost")
    with quiet_host("cost"), tempfile.TemporaryDirectory() as folder:
        for name in LANES:
            item = f"{name}: lanes"
            if item not in evidence.items:
                evidence.save(item, **lane_start(name, Path(folder)))
                print(item, evidence.items[item], flush=True)
    if "start-up" not in evidence.items:
        with quiet_host("cost"):
            evidence.save("start-up", **start_up())
    if "report" not in evidence.items:
        with quiet_host("cost"), tempfile.TemporaryDirectory() as folder:
            evidence.save("report", **report_of_many(Path(folder)))
    for name in NAMES:
        if name not in evidence.items:
            evidence.save(name, **cost_of(name))
            print(name, evidence.items[name], flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with tempfile.TemporaryDirectory() as folder:
            watched_search(sys.argv[1], float(sys.argv[2]), Path(folder))
    else:
        main()
