"""What a study in PostgreSQL costs: a trial's operations and bytes, a report of 10,000 trials, a server that is away.

The server is one of this host, on a socket; with a remote one, each SQL statement waits for the network once. The files
are in memory, for the server is the subject.
"""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, create_engine

from tests.advice.advice_of import HOST, RUN
from tests.benchmarks.evidence import Evidence, quiet_host
from tests.report.results import many
from tests.servers import PostgreSQL, Server, running
from tests.simulation import MODEL
from tuner.domain.result import Result, Setting
from tuner.domain.trial import Trial
from tuner.study.mirror import MirroredStudy
from tuner.study.opening import as_optuna_takes, require_server
from tuner.study.pushing import push
from tuner.study.shared import SharedStudy, as_waiting
from tuner.study.storage import STUDY_NAME, Study

TRIALS = 10_000
LAST = 200
"""Trials that a search adds one by one when the others are there."""

TIMES = 5
RUN_S = 60.0
"""The trials of a simulated search come again and again, each time that many seconds later."""


def of_many() -> Result:
    result = many(TRIALS)
    length = len({trial.configuration for trial in result.trials})
    return replace(
        result,
        trials=[_later(trial, RUN_S * (trial.number // length)) for trial in result.trials],
        outcome=replace(result.outcome, run=replace(RUN, trials=TRIALS)),
    )


def _later(trial: Trial, seconds: float) -> Trial:
    rounds = tuple(replace(played, at_s=played.at_s + seconds) for played in trial.rounds)
    return replace(trial, rounds=rounds, took_s=5.0 + trial.number / TRIALS)


@contextmanager
def counted() -> Iterator[list[str]]:
    """Yield the SQL statements of this process."""
    statements: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_further: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def bytes_of(url: str) -> int:
    engine = create_engine(as_optuna_takes(require_server(url)))
    with closing(engine.connect()) as connection:
        (size,) = connection.exec_driver_sql("select pg_database_size(current_database())").one()
    engine.dispose()
    return int(size)


def shared(url: str, folder: Path) -> SharedStudy:
    """Open the study on the server that a search in this folder has."""
    with closing(Study(folder / STUDY_NAME, MODEL, HOST, "CPU")) as study:
        return SharedStudy(url, study._study.study_name, study._study.user_attrs["owner"])


def mirrored(url: str, folder: Path) -> MirroredStudy:
    return MirroredStudy(url, lambda _: None, folder / STUDY_NAME, MODEL, HOST, "CPU")


def written(url: str, folder: Path, result: Result) -> dict[str, object]:
    """Write all but the last trials, and count what the first and the last of them take."""
    rows = as_waiting(list(result.trials)[:-LAST])
    with closing(shared(url, folder)) as study:
        before, found = bytes_of(url), {}
        for name, wanted in (("first", LAST), ("", len(rows) - 2 * LAST), ("last", LAST)):
            part = as_waiting(())
            while len(part) < wanted:
                part.append(rows.popleft())
            with counted() as statements:
                began = time.perf_counter()
                study.add(part, math.inf)
                seconds = time.perf_counter() - began
            if name:
                found[f"{name}_ms"] = round(1e3 * seconds / LAST, 1)
                found[f"{name}_statements"] = round(len(statements) / LAST, 1)
        grown = bytes_of(url) - before
    trials = TRIALS - LAST
    return {"trials": trials, "bytes_a_trial": round(grown / trials), **found}


def searched(url: str, folder: Path, result: Result) -> dict[str, object]:
    """Go on with all trials in another folder, which takes them over, and add the last, as a search does."""
    began = time.perf_counter()
    with closing(mirrored(url, folder)) as study:
        opened_s = time.perf_counter() - began
        study.begin(Setting(MODEL, HOST, ("CPU",), replace(RUN, trials=0, seconds=0.0)))
        milliseconds = saved_ms(study, list(result.trials)[-LAST:])
        study.closing_notices()
        study.finish(result)
    began = time.perf_counter()
    (pushed,) = push(str(folder), url)
    return {
        "trials": pushed.trials,
        "taken_over_s": round(opened_s, 1),
        "save_ms": milliseconds,
        "pushed_again": pushed.added,
        "push_again_s": round(time.perf_counter() - began, 1),
    }


def saved_ms(study: Study, trials: list[Trial]) -> dict[str, float]:
    seconds = []
    for trial in trials:
        began = time.perf_counter()
        study.save(trial)
        seconds.append(time.perf_counter() - began)
    return {"median": round(1e3 * median(seconds), 1), "slowest": round(1e3 * max(seconds), 1)}


def reported(url: str, folder: Path) -> dict[str, object]:
    command = [sys.executable, "-m", "tuner", "report", "env:TEAM_STORAGE", "--output", str(folder)]
    seconds = []
    for _ in range(TIMES):
        began = time.perf_counter()
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "TEAM_STORAGE": url}
        )
        seconds.append(time.perf_counter() - began)
    return {
        "trials": TRIALS,
        "report_s": round(median(seconds), 2),
        "slowest_s": round(max(seconds), 2),
        "html_mb": round((folder / "report.html").stat().st_size / 1e6, 1),
        "times": TIMES,
    }


def away(server: Server, url: str, folder: Path, result: Result) -> dict[str, object]:
    """Return what saving a trial takes with the file alone, with a server, while it is stopped, and while it hangs."""
    parts = [list(result.trials)[at * LAST : (at + 1) * LAST] for at in range(4)]
    with closing(Study(folder / "alone.db", MODEL, HOST, "CPU")) as study:
        alone = saved_ms(study, parts[0])
    with closing(mirrored(url, folder)) as study:
        there = saved_ms(study, parts[0])
        server.stop()
        stopped = saved_ms(study, parts[1])
        server.start()
        study.closing_notices()
        with server.hung():
            hung = saved_ms(study, parts[2])
    with closing(shared(url, folder)) as study:
        kept = len(study.trials())
    return {
        "trials": LAST,
        "file_alone_ms": alone,
        "with_a_server_ms": there,
        "stopped_ms": stopped,
        "hung_ms": hung,
        "there_at_the_end": kept,
    }


def main() -> None:
    evidence, result = Evidence("storage"), of_many()
    with (
        quiet_host("storage"),
        running(PostgreSQL) as server,
        tempfile.TemporaryDirectory(dir="/dev/shm") as first,
        tempfile.TemporaryDirectory(dir="/dev/shm") as other,
        tempfile.TemporaryDirectory(dir="/dev/shm") as third,
    ):
        url = server.database("many")
        pieces: dict[str, Callable[[], dict[str, object]]] = {
            "away": lambda: away(server, server.database("away"), Path(third), result),
            "written": lambda: written(url, Path(first), result),
            "searched": lambda: searched(url, Path(other), result),
            "report": lambda: reported(url, Path(other)),
        }
        for item, measure in pieces.items():
            evidence.save(item, **measure())
            print(item, evidence.items[item], flush=True)


if __name__ == "__main__":
    main()
