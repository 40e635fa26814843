"""Advice for a model on this machine, without a search."""

from dataclasses import asdict

import msgspec

from tests.simulation import simulate
from tuner.advice.advice import Advice
from tuner.advice.records import HostRecord
from tuner.advice.writer import make_advice
from tuner.domain.result import Host, Result, SearchRun, standings
from tuner.probe.host import describe_host
from tuner.probe.model import read_model

HOST = Host("A CPU", 2, 1000, "Linux", "2026.4.1", {"CPU": "A CPU"})
RUN = SearchRun("0.1.0", "tuner search m.xml", 0, 9, 60.0, "2026-01-01T00:00:00+00:00")


def told(found, model) -> Result:
    """Findings of a simulated search as the result of a real one."""
    finalists = found.final.finalists if found.final else ()
    return Result(
        model,
        HOST,
        found.baseline,
        found.trials,
        found.final,
        found.verdict,
        found.drop_in,
        (),
        RUN,
        found.points,
        found.covered,
        found.interrupted,
        standings(found.trials, found.targets, found.verdict.best, finalists),
    )


def advice_of(path, properties=None, batch=4, requests=2, device="CPU", shapes=None) -> Advice:
    """Advice for a real model, measured here, with the given best configuration."""
    reading = read_model(path, shapes)
    model = (*reading.batched, reading.unbatched)[0]
    plain = msgspec.to_builtins(make_advice(told(simulate(), model)))
    plain["best"] = {
        "device": device,
        "properties": properties if properties is not None else {"NUM_STREAMS": 1},
        "batch": batch,
        "requests": requests,
    }
    plain["host"] = msgspec.to_builtins(HostRecord(**asdict(describe_host())))
    return msgspec.convert(plain, Advice)
