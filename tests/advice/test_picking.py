"""Picking another configuration of the front, within limits."""

import pytest

from tests.advice.advice_of import on, written
from tuner.advice.loader import load
from tuner.errors import AdviceError, UsageError


def test_pick_takes_the_fastest_within_the_limits(advice):
    limit = min(point.measured.latency_ms.p99 for point in advice.front)
    assert advice.measured.latency_ms.p99 > limit
    picked = advice.pick(max_latency_ms=limit)
    assert picked.measured.latency_ms.p99 <= limit
    within = [point for point in advice.front if point.measured.latency_ms.p99 <= limit]
    assert picked.measured.throughput_fps >= max(point.measured.throughput_fps for point in within)
    assert picked.best.configuration != advice.best.configuration
    assert picked.verdict in {"inconclusive", "keep_hint"}
    assert picked.front == advice.front
    lean = advice.pick(max_memory_mb=min(point.measured.memory_mb for point in advice.front))
    assert lean.measured.memory_mb == min(point.measured.memory_mb for point in advice.front)
    assert advice.pick() == advice.pick(device="CPU") == advice


def test_limits_are_written_as_for_a_search(advice):
    figures = [point.measured for point in advice.front]
    p50 = min(each.latency_ms.p50 for each in figures)
    assert advice.pick(max_latency=f"p50:{1000 * p50:.6f}us").measured.latency_ms.p50 == pytest.approx(p50)
    least = sorted(each.throughput_fps for each in figures)[-1]
    assert advice.pick(min_throughput=least).measured.throughput_fps >= least
    most = min(each.memory_mb for each in figures)
    assert advice.pick(max_memory=f"{most}MiB").measured.memory_mb == most
    with pytest.raises(UsageError, match="max_latency='5' has no unit"):
        advice.pick(max_latency="5")


def test_limits_that_nothing_meets_are_refused_with_the_nearest(advice):
    with pytest.raises(
        AdviceError, match=r"Nothing that was measured .* the lowest p99 latency is [\d.]+ ms"
    ):
        advice.pick(max_latency_ms=1e-9)
    with pytest.raises(AdviceError, match=r"Nothing was measured on device 'GPU', only on: CPU"):
        advice.pick(device="GPU")


def test_a_strangers_measurements_cannot_be_picked(advice, tmp_path):
    path = written(on(advice, cpu="B CPU"), tmp_path / "config.yaml")
    hint = load(path, on_mismatch="hint")
    assert hint.pick() == hint
    with pytest.raises(AdviceError, match="Nothing was measured here, only on: another host"):
        hint.pick(max_latency_ms=1000)
