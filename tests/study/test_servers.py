"""Studies on real servers, PostgreSQL and MariaDB, which are stopped, hang, and come back."""

import json
import math
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests import models
from tests.advice.advice_of import HOST, RUN, result_of
from tests.cli.command import complain
from tests.lanes.simulated import SimulatedDevice
from tests.servers import PASSWORD, USER, MariaDB, PostgreSQL, running
from tests.simulation import MODEL, simulate
from tuner.cli.app import main
from tuner.domain.result import Setting
from tuner.study import mirror
from tuner.study.mirror import MirroredStudy
from tuner.study.reading import read_results
from tuner.study.shared import SharedStudy, Unreached, as_waiting
from tuner.tuning.progress import TrialEnded

VARIABLE = "TEAM_STORAGE"

MARIADB = pytest.param(
    MariaDB,
    marks=[
        pytest.mark.slow,
        # PyMySQL leaves a socket open that found nobody at its end.
        pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    ],
)


@pytest.fixture(scope="module", params=[PostgreSQL, MARIADB])
def server(request):
    with running(request.param) as found:
        yield found


@pytest.fixture
def url(server, request, monkeypatch):
    """The URL of an empty database, which the environment has, too."""
    if not server.running():
        server.start()
    found = server.database(f"d{abs(hash(request.node.name))}")
    monkeypatch.setenv(VARIABLE, found)
    return found


@pytest.fixture(scope="module")
def result():
    return result_of(simulate(SimulatedDevice(base_fps=2000), trials=6), MODEL)


def opened(url, folder, told=None):
    folder.mkdir(exist_ok=True)
    tell = told.append if told is not None else print
    study = MirroredStudy(url, tell, folder / "study.db", MODEL, HOST, "CPU")
    study.begin(Setting(MODEL, HOST, ("CPU",), replace(RUN, trials=0, seconds=0.0)))
    return closing(study)


def test_a_team_goes_on_with_each_others_trials_and_answer(url, tmp_path, result):
    with opened(url, tmp_path / "a") as study:
        for trial in result.trials:
            study.save(trial)
        (running,) = read_results(url)
        assert running.trials == list(result.trials)
        assert "has not ended" in running.verdict.why
        study.finish(result)
    (there,), (here,) = read_results(url), read_results(str(tmp_path / "a"))
    assert there == here == replace(result, trials=list(result.trials))
    with opened(url, tmp_path / "b") as study:
        assert study.trials() == list(result.trials)
        assert study.standing(result).final == result.final
        study.save(replace(result.trials[0], number=len(result.trials), took_s=99.0))
    (there,) = read_results(f"env:{VARIABLE}")
    assert (len(there.trials), there.verdict) == (len(result.trials) + 1, result.verdict)


def test_a_server_that_is_stopped_in_the_middle_has_every_trial_once_when_it_is_back(server, url, tmp_path):
    told = []

    def tell(event):
        if isinstance(event, TrialEnded) and event.trial.number == 3:
            server.stop()
        if isinstance(event, TrialEnded) and event.trial.number == 5:
            server.start()

    with opened(url, tmp_path / "a", told) as study:
        found = simulate(SimulatedDevice(base_fps=2000), trials=7, store=study, tell=tell)
    assert len(found.trials) > 6
    (there,) = read_results(url)
    assert there.trials == list(found.trials)
    (notice,) = told
    assert "(nobody answers there); the search goes on" in notice.text


def test_a_server_that_is_gone_is_given_up_at_once(server, url, result):
    """Optuna would try five times, for seconds, and write twice what was written when the answer was lost."""
    with closing(SharedStudy(url, "m on CPU", {"model": "m"})) as study:
        assert study.add(as_waiting(result.trials[:1]), math.inf) == 1
        server.stop()
        rest = as_waiting(result.trials)
        with pytest.raises(Unreached):
            study.add(rest, math.inf)
        server.start()
        assert study.add(rest, math.inf) == len(result.trials) - 1
        assert study.trials() == list(result.trials)


def test_a_server_that_is_gone_for_good_gets_all_by_a_command_once(server, url, tmp_path, result, capsys):
    told = []
    with opened(f"env:{VARIABLE}", tmp_path / "a", told) as study:
        for trial in result.trials:
            if trial.number == 2:
                server.stop()
            study.save(trial)
        study.closing_notices()
        study.finish(result)
    missing = len(result.trials) - 2
    assert f"{missing} trials are not there" in told[-1].text
    command = f"tuner push {tmp_path / 'a'} --storage env:{VARIABLE}"
    assert command in told[-1].text
    code, sentence = complain(capsys, *command.split()[1:])
    assert code == 2
    assert f"'env:{VARIABLE}' cannot be used as a storage (nobody answers there)" in sentence
    server.start()
    for added in (missing, 0):
        assert main(command.split()[1:]) == 0
        assert f"{added} of {len(result.trials)} trials were copied" in capsys.readouterr().out
    (there,), (here,) = read_results(url), read_results(str(tmp_path / "a"))
    assert there == here


def test_a_server_that_hangs_holds_no_trial_up(server, url, tmp_path, result, monkeypatch):
    monkeypatch.setattr(mirror, "WAIT_S", 0.2)
    monkeypatch.setattr(mirror, "LOST_SHARE", 1e9)
    with opened(url, tmp_path / "a") as study:
        study.save(result.trials[0])
        with server.hung():
            for trial in result.trials[1:4]:
                study.save(trial)  # returns before the server answers again
        assert study.closing_notices() == []
    (there,) = read_results(url)
    assert there.trials == list(result.trials[:4])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"password": "wr0ng"}, "the user or the password is wrong"),
        ({"user": "nobody-knows"}, "the user or the password is wrong"),
        ({"name": "none"}, "there is no such database"),
    ],
)
def test_a_server_that_lets_nobody_in_is_refused_before_anything_runs(
    server, url, tmp_path, monkeypatch, capsys, change, why
):
    model = models.mlp(tmp_path / "m.xml")
    monkeypatch.setenv(VARIABLE, server.url(**{"name": server.own, **change}))
    for words in (
        ("search", model, "--output", tmp_path / "out", "--storage", f"env:{VARIABLE}"),
        ("report", f"env:{VARIABLE}"),
    ):
        code, sentence = complain(capsys, *words)
        assert code == 2
        assert why in sentence
        assert PASSWORD not in sentence
        assert "wr0ng" not in sentence
    assert not (tmp_path / "out").exists()


WATCH = """
import glob, subprocess, sys
search = subprocess.Popen(sys.argv[1:])
seen = set()
while search.returncode is None:
    try:
        search.wait(0.1)
    except subprocess.TimeoutExpired:
        pass
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            seen.add(open(path, "rb").read())
        except OSError:
            pass
print(repr(seen))
sys.exit(search.returncode)
"""
"""Runs a command and prints every command line that this host had meanwhile."""


def test_a_whole_search_shows_the_password_nowhere(server, url, tmp_path, capsys):
    model, out = models.mlp(tmp_path / "m.xml"), tmp_path / "out"
    search = [sys.executable, "-m", "tests.faults.simulated_search"]
    search += [
        "search",
        str(model),
        "-v",
        "--trials",
        "5",
        "--output",
        str(out),
        "--storage",
        f"env:{VARIABLE}",
    ]
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *search],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert "simulated_search" in done.stdout
    assert main(["report", f"env:{VARIABLE}", "--format", "html,md,csv,json", "--output", str(out)]) == 0
    reported = capsys.readouterr()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"config.yaml", "study.db", "report.html", "report.json"} <= {path.name for path in files}
    shown = [path.read_bytes() for path in files]
    shown += [text.encode() for text in (done.stdout, done.stderr, reported.out, reported.err)]
    assert not [text for text in shown if PASSWORD.encode() in text]
    written = json.loads((out / "report.json").read_text())["studies"][0]
    assert f"--storage env:{VARIABLE}" in json.dumps(written)
    assert (out / "report.html").read_text().count(f"optuna-dashboard &#34;${VARIABLE}&#34;") == 1
    (there,), (here,) = read_results(url), read_results(str(out))
    assert there == here
    assert len(there.trials) > 5
    assert USER not in Path(out / "config.yaml").read_text()
