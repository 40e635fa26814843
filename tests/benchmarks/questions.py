"""Is what is advised true of other questions: latency, CPU time, a front, limits, loads? Real searches, each measured again.

Five models are asked for the latency of one caller, for CPU time and for the front of throughput and latency; for throughput
within two limits: one and a half times the hint's p99 latency, and three quarters of it; and under two loads: for the p99 latency
of items that arrive at half the hint's throughput, and for little CPU time at a fifth of it, within three times the hint's p99
latency. What is advised is then measured again in fresh processes, as `tuner verify` does.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tuner
from tests.benchmarks.evidence import Evidence, as_data, plain
from tests.benchmarks.models import MODELS
from tuner.domain.sentences import answer

NAMES = ("squeezenet", "transformer", "recurrent", "wide_mlp", "resnet50")
BUDGET_S, AGAIN_S = 30, 10
SEEDS = 2
LOOSE, TIGHT = 1.5, 0.75
BUSY, CALM, PATIENT = 0.5, 0.2, 3.0
"""Shares of the hint's throughput at which items arrive, and the calm load's limit in p99 latencies of the hint."""


def questions(hint_p99_ms: float) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Yield each question by its name, as `tuner.search` takes it, with a seed."""
    yield "latency", {"objective": "latency"}, 0
    yield "cpu", {"objective": "cpu"}, 0
    yield "pareto", {"objective": "pareto"}, 0
    for seed in range(SEEDS):
        for name, share in (("loose", LOOSE), ("tight", TIGHT)):
            yield f"{name} limit", {"max_latency": f"{share * hint_p99_ms:.4f}ms"}, seed


def loads(hint_p99_ms: float, hint_fps: float) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Yield each question under a load, likewise."""
    yield "latency at half the hint's rate", {"objective": "latency", "rate": round(BUSY * hint_fps, 1)}, 0
    calm = {"rate": round(CALM * hint_fps, 1), "max_latency": f"{PATIENT * hint_p99_ms:.4f}ms"}
    yield "cpu at a fifth of the hint's rate", {"objective": "cpu", **calm}, 0


def ask(name: str, folder: Path, question: dict[str, Any], seed: int) -> dict[str, object]:
    """Search, measure the advice again, and return both."""
    model, output = MODELS[name], folder / "found"
    result = tuner.search(
        model.make(folder),
        device="CPU",
        budget=BUDGET_S,
        seed=seed,
        shapes=model.shapes,
        output=output,
        **question,
    )
    verdict, best, hint = result.verdict, result.verdict.best, result.baseline
    found: dict[str, object] = {
        "question": str(result.question),
        "verdict": verdict.kind,
        "unmet": result.unmet,
        "sentence": answer(verdict),
        "limits": list(result.limits),
        "pick": as_data(best.configuration),
        "speedup": plain(verdict.speedup) if verdict.speedup else None,
        "trials": len(result.trials),
    }
    for side, candidate in (("pick_figures", best), ("hint_figures", hint)):
        if measured := candidate.measured:
            found[side] = {
                "fps": measured.throughput_fps,
                "p99_ms": measured.latency_ms.p99,
                "cpu_ms": measured.cpu_ms_per_item,
            }
    again = tuner.verify(output / "config.yaml", budget=AGAIN_S, seed=seed + 1, min_ratio=0.0)
    found["again"] = plain(again.now) if again.now else None
    found["again_limits"] = list(again.limits)
    found["broken"] = any(": broken, " in limit for limit in again.limits)
    return found


def main() -> None:
    evidence = Evidence("questions")
    for name in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            item = f"{name}: hint"
            if item not in evidence.items:
                model = MODELS[name]
                path, output = model.make(Path(folder)), Path(folder) / "hint"
                hint = tuner.search(
                    path, device="CPU", budget=8, batch=[1], shapes=model.shapes, output=output
                ).baseline
                assert hint.measured
                evidence.save(item, p99_ms=hint.measured.latency_ms.p99)
        p99_ms = evidence.items[item]["p99_ms"]
        for question in questions(p99_ms):
            ask_once(evidence, name, *question)
        fps = evidence.items[f"{name}: loose limit, seed 0"]["hint_figures"]["fps"]
        for question in loads(p99_ms, fps):
            ask_once(evidence, name, *question)


def ask_once(evidence: Evidence, name: str, what: str, question: dict[str, Any], seed: int) -> None:
    asked = f"{name}: {what}, seed {seed}"
    if asked not in evidence.items:
        with tempfile.TemporaryDirectory() as folder:
            evidence.save(asked, **ask(name, Path(folder), question, seed))
        print(asked, evidence.items[asked]["sentence"], evidence.items[asked]["broken"], flush=True)


if __name__ == "__main__":
    main()
