"""Advice for a model on this machine, without a search."""

from dataclasses import asdict, replace

import msgspec

from tests.simulation import simulate
from tuner.advice.advice import Advice
from tuner.advice.records import HostRecord
from tuner.advice.writer import make_advice, write_advice
from tuner.domain.host import Host
from tuner.domain.result import Result, SearchRun, Setting
from tuner.probe.host import describe_host
from tuner.probe.model import read_model

HOST = Host("A CPU", 2, 1000, "Linux", "2026.4.1", {"CPU": "A CPU"})
RUN = SearchRun("0.1.0", "tuner search m.xml", 0, 9, 60.0, "2026-01-01T00:00:00+00:00")


def result_of(found, model) -> Result:
    """Findings of a simulated search as the result of a real search."""
    setting = Setting(model, HOST, tuple(map(str, found.targets)), replace(RUN, trials=0, seconds=0.0))
    run = replace(RUN, trials=len(found.trials))
    return Result(setting, replace(found.outcome, run=run), found.trials, found.final)


def with_setting(result, **changes) -> Result:
    """The same result with something else in its setting."""
    return replace(result, setting=replace(result.setting, **changes))


def with_outcome(result, **changes) -> Result:
    """The same result with something else in its outcome."""
    return replace(result, outcome=replace(result.outcome, **changes))


def advice_of(path, properties=None, batch=4, requests=2, device="CPU", shapes=None, **further) -> Advice:
    """Advice for a real model, measured here, with the given best configuration; `further` fields of it."""
    reading = read_model(path, shapes)
    model = (*reading.batched, reading.unbatched)[0]
    plain = msgspec.to_builtins(make_advice(result_of(simulate(), model)))
    plain["best"] = {
        "device": device,
        "properties": properties if properties is not None else {"NUM_STREAMS": 1},
        "batch": batch,
        "requests": requests,
        **further,
    }
    plain["host"] = msgspec.to_builtins(HostRecord(**asdict(describe_host())))
    return msgspec.convert(plain, Advice)


def on(advice, **changed):
    """The same advice as if it had been measured on a host that differs."""
    return msgspec.structs.replace(advice, host=msgspec.structs.replace(advice.host, **changed))


def written(advice, path):
    write_advice(advice, path)
    return path
