"""Searches for several processes, and beside another program, at the command line."""

import json
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest
import yaml

import tuner
from tests import models
from tests.advice.advice_of import advice_of, on, written
from tests.cli.command import complain, run
from tuner.errors import DeviceError, UsageError
from tuner.study.reading import read_results

CORES = psutil.Process().cpu_affinity()
needs_two_cores = pytest.mark.skipif(len(CORES) < 2, reason="needs two cores")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--copies", "0"), "--copies '0' is not a number of processes from 1 to 64"),
        (("--copies", "65"), "--copies '65' is not a number of processes from 1 to 64"),
        (("--copies", "many"), "--copies 'many' is not a number of processes"),
        (("--copies", "2", "--objective", "latency", "--rate", "5"), "Leave --copies out, or the arrivals"),
        (("--copies", "2", "--device", "BATCH:CPU"), "several --copies are searched on single devices"),
        (("--beside", "no-such-program"), "names the program 'no-such-program', which is not found"),
        (("--beside", ""), "--beside '' is not a command"),
        (("--nice", "20"), "20 is not in the range 0<=x<=19"),
    ],
)
def test_what_has_no_meaning_is_refused(capsys, tmp_path, options, sentence):
    model = models.mlp(tmp_path / "m.xml")
    code, message = complain(capsys, "search", model, *options, "--output", tmp_path / "out")
    assert code == 2
    assert sentence in message
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.alone
def test_a_search_for_two_processes_compares_with_two_of_the_hint(tmp_path):
    model, out = models.convolutions(tmp_path / "m.xml"), tmp_path / "out"
    done = run(
        "search", model, "--device", "CPU", "--batch", "1", "--copies", "2", "--budget", "8s", "--trials", "3",
        "--output", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert " a copy)" in done.stdout
    (result,) = read_results(str(out))
    assert result.question.copies == (2,)
    assert all(trial.configuration.copies == 2 for trial in result.trials)
    assert any(trial.configuration.slices for trial in result.trials) or len(CORES) == 1
    advice = yaml.safe_load((out / "config.yaml").read_text())
    assert advice["baseline"]["copies"] == advice["best"]["copies"] == 2
    assert len(advice["measured"]["copies_fps"]) == 2
    assert sum(advice["measured"]["copies_fps"]) == pytest.approx(
        advice["measured"]["throughput_fps"], rel=0.1
    )
    assert advice["question"]["copies"] == [2]
    again = run("search", model, "--device", "CPU", "--batch", "1", "--budget", "3s", "--output", out)
    assert again.returncode == 2
    assert "belongs to another search" in again.stderr
    verified = run("verify", out / "config.yaml", "--budget", "3s", "--min-ratio", "0", "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["holds"]


@pytest.mark.slow
@pytest.mark.alone
def test_a_search_beside_a_program_says_so_and_leaves_nothing(tmp_path):
    model, out, command = models.mlp(tmp_path / "m.xml"), tmp_path / "out", "sleep 43210"
    done = run(
        "search", model, "--device", "CPU", "--batch", "1", "--beside", command, "--nice", "3", "--budget", "5s",
        "--trials", "2", "--output", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"(beside '{command}', niceness 3)" in done.stdout
    assert not [each for each in psutil.process_iter(["cmdline"]) if "43210" in str(each.info["cmdline"])]
    refused = run("verify", out / "config.yaml", "--budget", "3s")
    assert refused.returncode == 2
    assert f"give --beside '{command}' to let it run again" in refused.stderr
    allowed = run("verify", out / "config.yaml", "--budget", "2s", "--beside", command, "--min-ratio", "0")
    assert allowed.returncode == 0, allowed.stderr


@pytest.mark.alone
def test_a_program_that_does_not_go_on_ends_the_search(tmp_path):
    model = models.mlp(tmp_path / "m.xml")
    done = run("search", model, "--beside", "sh -c 'exit 7'", "--output", tmp_path / "out")
    assert done.returncode == 3
    assert "ended with exit code 7 within 2 s" in done.stderr


@pytest.mark.slow
@pytest.mark.alone
def test_a_program_that_ends_once_is_started_again_and_that_is_said(tmp_path):
    model, flag = models.mlp(tmp_path / "m.xml"), tmp_path / "flag"
    command = f"sh -c 'test -e {flag} && exec sleep 54321; touch {flag}; sleep 4'"
    done = run(
        "search", model, "--device", "CPU", "--batch", "1", "--beside", command, "--budget", "8s",
        "--output", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "ended on the way (exit code 0) and was started again" in done.stderr
    (result,) = read_results(str(tmp_path / "out"))
    assert [notice.code for notice in result.outcome.notices].count("neighbour") == 1


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 4), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_search_for_copies_that_is_stopped_or_killed_leaves_no_process(tmp_path, number, code):
    model = models.mlp(tmp_path / "m.xml")
    words = ["search", str(model), "--device", "CPU", "--copies", "3", "--beside", "sleep 65432", "--output"]
    with subprocess.Popen(
        [sys.executable, "-m", "tuner", *words, str(tmp_path / "out")],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as search:  # fmt: skip
        shown = next(
            line for line in search.stderr if line.lstrip().startswith("1 ")
        )  # the first trial has ended
        family = psutil.Process(search.pid).children(recursive=True)
        search.send_signal(number)
        rest = search.stderr.read()
    assert shown
    assert len(family) > 6  # two lanes of three processes, the server that starts them, and the program
    assert search.returncode == code
    assert "Traceback" not in rest
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


def advice_for_copies(tmp_path, own):
    model = models.mlp(tmp_path / "m.xml")
    further = {"copies": 2, "cores": own} if own else {"copies": 2}
    return model, written(advice_of(model, **further), tmp_path / "config.yaml")


@needs_two_cores
def test_each_process_of_an_application_keeps_to_the_cores_of_its_copy(tmp_path):
    _, config = advice_for_copies(tmp_path, [[CORES[0]], [CORES[1]]])
    script = textwrap.dedent(
        """
        import os, sys, warnings
        warnings.simplefilter("error")
        import tuner
        advice = tuner.load(sys.argv[1], on_mismatch="error")
        with open("/proc/self/maps") as maps:
            assert "intel_cpu_plugin" not in maps.read()
        compiled = advice.compile(copy=int(sys.argv[2]))
        tuner.load(sys.argv[1], on_mismatch="error").compile()  # on the cores of a copy already
        print(sorted(os.sched_getaffinity(0)), compiled.get_property("INFERENCE_NUM_THREADS"))
        """
    )
    for copy in (0, 1):
        command = [sys.executable, "-c", script, str(config), str(copy)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [f"[{CORES[copy]}]", "1"]


def test_a_copy_that_is_not_there_is_refused(tmp_path):
    _, config = advice_for_copies(tmp_path, None)
    advice = tuner.load(config)
    assert advice.copies == 2
    for copy in (-1, 2, True, "0"):
        with pytest.raises(UsageError, match=r"the advice is for 2 copies; give 0 to 1\."):
            advice.compile(copy=copy)
    advice.compile(copy=1)  # there is nothing to keep to


def test_advice_with_cores_of_its_own_wants_to_know_the_copy(tmp_path):
    _, config = advice_for_copies(tmp_path, [[0], [1]])
    with pytest.warns(UserWarning, match="give copy=0 to copy=1"):
        tuner.load(config).compile()


def test_cores_where_the_process_may_not_run_are_refused(tmp_path):
    _, config = advice_for_copies(tmp_path, [[0], [99_999]])
    with pytest.raises(DeviceError, match="Copy 1 is to run on the cores 99999"):
        tuner.load(config).compile(copy=1)


def test_cores_of_other_copies_than_there_are_make_no_advice(tmp_path):
    _, config = advice_for_copies(tmp_path, [[0], [1]])
    text = config.read_text().replace("copies: 2", "copies: 3")
    config.write_text(text)
    with pytest.raises(tuner.AdviceError, match="cores are those of 2 copies, and copies is 3"):
        tuner.load(config)


def test_the_hint_on_another_host_runs_in_as_many_processes(tmp_path):
    model = models.mlp(tmp_path / "m.xml")
    far = on(advice_of(model, copies=3, cores=[[0], [1], [2]]), cpu="another")
    hint = tuner.load(written(far, tmp_path / "config.yaml"), on_mismatch="hint")
    assert hint.copies == 3
    assert hint.best.configuration.slices == ()
    hint.compile(copy=2)


@needs_two_cores
def test_other_cores_than_those_of_the_copies_are_a_mismatch(tmp_path):
    model = models.mlp(tmp_path / "m.xml")
    moved = on(advice_of(model, copies=2, cores=[[8], [9]]), cpuset=[8, 9])
    with pytest.warns(UserWarning, match="cpuset: 8,9 -> "):
        tuner.load(written(moved, tmp_path / "config.yaml"))


def test_a_file_for_another_program_says_what_it_cannot_hold(tmp_path):
    _, config = advice_for_copies(tmp_path, [[0], [1]])
    done = run("export", config, "--to", "cpp")
    assert done.returncode == 0
    assert "The advice is for 2 processes at the same time, each on cores of its own (0; 1)" in done.stderr
