"""The command as a person or a script meets it: real processes, real files, exit codes."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import openvino as ov
import optuna
import psutil
import pytest

import tuner
from tests import models
from tests.cli.command import SHORT, run
from tests.domain.test_verdict import explicit, final_of
from tuner.advice.writer import make_advice, write_advice
from tuner.cli.app import main
from tuner.domain.verdict import decide
from tuner.study.reading import read_results
from tuner.study.storage import Study

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def proven(searched, tmp_path_factory):
    """The real search with a proven answer, however busy this machine was; who changes it copies it first."""
    _, out, model = searched
    out = shutil.copytree(out, tmp_path_factory.mktemp("proven") / "out")
    (result,) = read_results(str(out))
    final = final_of({explicit(64, 8): 40.0})
    verdict = decide(final)
    outcome = replace(
        result.outcome, baseline=final.baseline, verdict=verdict, drop_in=final.baseline, notices=()
    )
    result = replace(result, outcome=outcome, final=final)
    with closing(Study(out / "study.db", result.model, result.host, "CPU")) as study:
        study.finish(result)
    write_advice(make_advice(result), out / "config.yaml")
    return out, model


@pytest.fixture(scope="module")
def continued(proven, tmp_path_factory):
    """The same search again on a copy of its study, in silence and as JSON."""
    out, model = proven
    copy = shutil.copytree(out, tmp_path_factory.mktemp("continued") / "out")
    return run("search", model, *SHORT, "--output", copy, "--json", "-q"), copy


@pytest.fixture(scope="module")
def without_batch(tmp_path_factory):
    """A search of a model whose batch cannot grow."""
    folder = tmp_path_factory.mktemp("without_batch")
    model = models.fixed_reshape(folder / "m.xml")
    return run("search", model, *SHORT, "--output", folder / "out"), folder / "out"


def test_a_search_finds_that_batch_pays_on_a_wide_dense_net(searched):
    done, out, _ = searched
    assert done.returncode == 0, done.stderr
    assert "as fast as the hint, 98 % interval" in done.stdout.splitlines()[0]
    advice = tuner.load(out / "config.yaml")
    assert advice.verdict == "faster"
    assert advice.best.batch > 1
    assert list(advice.compile().inputs[0].shape) == [advice.best.batch, 1024]
    assert advice.search.command.startswith("tuner search ")


def test_plain_lines_tell_host_model_hint_trials_and_files(searched):
    done, out, _ = searched
    assert "openvino-tuner" in done.stderr
    assert "model  wide: x[1,1024] f32" in done.stderr
    assert "hint   CPU," in done.stderr
    assert "best so far:" in done.stderr
    assert f"config   {out / 'config.yaml'}" in done.stdout
    assert "\x1b" not in done.stderr + done.stdout


def test_the_study_holds_every_trial_for_optuna(searched):
    _, out, _ = searched
    study = optuna.load_study(study_name="wide on CPU", storage=f"sqlite:///{out / 'study.db'}")
    assert len(study.trials) >= 2
    assert study.trials[0].value == 1.0
    assert len(study.trials[1].intermediate_values) >= 2
    study._storage.remove_session()


def test_the_same_command_goes_on_with_the_study_and_takes_no_proven_answer_away(proven, continued):
    before, (done, out) = tuner.load(proven[0] / "config.yaml"), continued
    assert done.returncode == 0
    tried = [known["configuration"] for known in json.loads(done.stdout)["tried"]]
    (earlier,) = read_results(str(proven[0]))
    assert tried[: before.search.trials] == [str(trial.configuration) for trial in earlier.trials]
    assert tuner.load(out / "config.yaml").verdict == before.verdict == "faster"


def test_json_is_one_document_on_standard_output(continued):
    done, out = continued
    document = json.loads(done.stdout)
    assert done.stderr == ""
    assert document["verdict"] in {"faster", "keep_hint", "inconclusive"}
    assert document["files"]["config"] == str(out / "config.yaml")
    assert {"sentence", "warnings", "tried", "best", "speedup"} <= set(document)


@pytest.mark.slow
def test_verbose_adds_what_each_trial_compiled_to(searched, without_batch):
    assert "compiled in" in searched[0].stderr
    assert "compiled in" not in without_batch[0].stderr


@pytest.mark.slow
def test_a_search_bound_to_the_hint_itself_keeps_the_hint(tmp_path):
    model = models.mlp(tmp_path / "m.xml")
    hint = ov.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    streams, requests = (
        hint.get_property("NUM_STREAMS"),
        hint.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"),
    )
    done = run(
        "search", model, "--budget", "20s", "--output", tmp_path / "out",
        "--streams", streams, "--batch", 1, "--requests", requests,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.startswith(
        "keep the hint: with these limits, every configuration compiles to the same as the hint"
    )
    assert tuner.load(tmp_path / "out" / "config.yaml").verdict == "keep_hint"


@pytest.mark.slow
def test_a_model_without_batch_is_searched_over_the_rest_and_told_why(without_batch):
    done, out = without_batch
    assert done.returncode == 0
    assert "warning: Batch is not searched: reshaping to batch 2 fails" in done.stderr
    assert tuner.load(out / "config.yaml").model.batch_axes == {}


@pytest.mark.slow
def test_real_samples_are_fed(tmp_path):
    import numpy as np

    np.save(tmp_path / "ids.npy", np.array([[0, 1] * 4, [1, 1] * 4]))
    model = models.embedding(tmp_path / "m.xml", shape=(1, -1))
    done = run(
        "search", model, *SHORT, "--shape", "ids[1,8]", "--input", f"ids={tmp_path / 'ids.npy'}",
        "--output", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert tuner.load(tmp_path / "out" / "config.yaml").model.inputs["ids"].shape == [1, 8]


def start_until(text, *arguments, **options):
    """Start a search and return it once it has said `text`."""
    command = [sys.executable, "-m", "tuner", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    for line in process.stderr:
        if text in line:
            return process
    pytest.fail(f"the search ended before it said {text!r}")


def interrupt(model, out, number):
    process = start_until("/s  ", "search", model, "--budget", "120s", "--output", out)
    lanes = psutil.Process(process.pid).children(recursive=True)
    assert lanes
    process.send_signal(number)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 4
    assert stdout.startswith("stopped early; inconclusive")
    assert psutil.wait_procs(lanes, timeout=30)[1] == []
    return tuner.load(out / "config.yaml")


def test_an_interruption_saves_and_ends_its_lanes(tmp_path):
    saved = interrupt(models.wide(tmp_path / "m.xml"), tmp_path / "out", signal.SIGINT)
    assert saved.verdict == "inconclusive"
    assert saved.search.trials >= 2


@pytest.fixture
def hangs_up():
    """The programs that a test starts hear SIGHUP, also where tests run under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
@pytest.mark.usefixtures("hangs_up")
def test_a_terminal_that_closes_ends_a_run_in_order_and_a_proven_answer_stays(proven, tmp_path):
    """It sends SIGHUP to the tuner, the fork server and the lanes at once, and takes no more output."""
    out, model = proven
    out = shutil.copytree(out, tmp_path / "out")
    before = tuner.load(out / "config.yaml")
    with tempfile.TemporaryDirectory() as folder:  # not in tmp_path: the path of a socket must be short
        process = start_until(
            "/s  ", "search", model, "--budget", "120s", "--output", out,
            start_new_session=True, env={**os.environ, "TMPDIR": folder},
        )  # fmt: skip
        lanes = psutil.Process(process.pid).children(recursive=True)
        process.stderr.close()
        os.killpg(process.pid, signal.SIGHUP)
        stdout, _ = process.communicate(timeout=60)
        assert process.returncode == 4
        assert psutil.wait_procs(lanes, timeout=30)[1] == []
        assert not list(Path(folder).glob("pymp-*"))
    assert stdout.startswith("stopped early; ")
    assert "as fast as the hint" in stdout.splitlines()[0]
    assert f"from the run of {before.search.date[:10]}" in stdout
    (result,) = read_results(str(out))
    assert all(trial.state != "failed" for trial in result.trials), "a lane died of the signal"
    after = tuner.load(out / "config.yaml")
    assert (after.verdict, after.best, after.search) == (before.verdict, before.best, before.search)


@pytest.mark.slow
def test_the_next_run_goes_on_where_an_interruption_stopped(tmp_path):
    model, out = models.wide(tmp_path / "m.xml"), tmp_path / "out"
    saved = interrupt(model, out, signal.SIGTERM)
    again = run("search", model, *SHORT, "--output", out)
    assert again.returncode == 0
    assert f", {saved.search.trials} trial" in again.stderr
    assert "known from earlier runs" in again.stderr


@pytest.mark.slow
def test_a_killed_search_leaves_no_lane_and_no_lock_behind_and_the_next_run_goes_on(tmp_path):
    model = models.mlp(tmp_path / "m.xml")
    process = start_until("/s  ", "search", model, "--budget", "120s", "--output", tmp_path / "out")
    lanes = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=60)
    assert psutil.wait_procs(lanes, timeout=30)[1] == []
    again = run("search", model, *SHORT, "--output", tmp_path / "out")
    assert again.returncode == 0
    assert "waiting" not in again.stderr
    assert "known from earlier runs" in again.stderr


@pytest.mark.slow
def test_a_second_search_waits_for_the_first_and_names_it(tmp_path):
    model = models.mlp(tmp_path / "m.xml")
    first = start_until("hint   CPU", "search", model, "--budget", "120s", "--output", tmp_path / "one")
    second = start_until("waiting: another search", "search", model, "--output", tmp_path / "two")
    second.send_signal(signal.SIGINT)
    _, complaint = second.communicate(timeout=60)
    assert second.returncode == 4
    assert "stopped while waiting" in complaint
    assert not (tmp_path / "two").exists()
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert first.returncode == 4


@pytest.mark.slow
def test_a_terminal_shows_nothing_wider_than_itself(tmp_path):
    columns = 80
    model = models.fixed_reshape(tmp_path / ("m" * 60 + ".xml"))
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "LINES": "40", "TERM": "xterm"}
    short = ["--budget", "10s", "--trials", "2"]
    command = [sys.executable, "-m", "tuner", "search", str(model), *short, "--output", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    try:
        while block := os.read(ours, 4096):
            seen += block
    except OSError:  # the other end is closed: the command has ended
        pass
    os.close(ours)
    assert process.wait(timeout=60) == 0
    from rich.text import Text

    text = Text.from_ansi(seen.decode().replace("\r", "\n")).plain
    assert "final: round" in text
    assert max(map(len, text.splitlines())) <= columns


@pytest.fixture
def model(tmp_path):
    return models.mlp(tmp_path / "m.xml")


def test_a_study_of_another_model_is_refused_and_kept(capsys, searched, model):
    _, out, _ = searched
    other = models.wide(model.parent / "wide.xml", width=64)
    before = (out / "config.yaml").read_bytes()
    code = main(["search", str(other), "--output", str(out), "-q", "--budget", "5s"])
    message = capsys.readouterr().err
    assert code == 2
    assert "belongs to another search (model was" in message
    assert "--output" in message
    assert (out / "config.yaml").read_bytes() == before


def test_devices_lists_the_cpu_with_its_range(capsys):
    assert main(["devices"]) == 0
    assert "CPU  " in capsys.readouterr().out
    assert main(["devices", "--json"]) == 0
    (cpu, *_) = json.loads(capsys.readouterr().out)["devices"]
    assert cpu["name"] == "CPU"
    assert cpu["streams"][0] == 1


@pytest.mark.slow
def test_the_demo_builds_its_model_and_searches_it(tmp_path):
    done = run("demo", *SHORT, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert tuner.load(tmp_path / "config.yaml").model.name == "demo"


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert tuner.__version__ in capsys.readouterr().out
    assert main(["--help"]) == 0
    assert "search" in capsys.readouterr().out
