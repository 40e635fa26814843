"""Searches for several processes, and beside another program, at the command line."""

import json
import subprocess
import sys
import textwrap

import psutil
import pytest
import yaml

import tuner
from tests import models
from tests.advice.advice_of import advice_of, written
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
        "search", model, "--device", "CPU", "--batch", "1", "--copies", "2", "--budget", "15s", "--trials", "4",
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
    again = run("search", model, "--device", "CPU", "--batch", "1", "--budget", "5s", "--output", out)
    assert again.returncode == 2
    assert "belongs to another search" in again.stderr
    verified = run("verify", out / "config.yaml", "--budget", "5s", "--min-ratio", "0", "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["holds"]


@pytest.mark.slow
@pytest.mark.alone
def test_a_search_beside_a_program_says_so_and_leaves_nothing(tmp_path):
    model, out, command = models.mlp(tmp_path / "m.xml"), tmp_path / "out", "sleep 43210"
    done = run(
        "search", model, "--device", "CPU", "--batch", "1", "--beside", command, "--nice", "3", "--budget", "8s",
        "--trials", "2", "--output", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"(beside '{command}', niceness 3)" in done.stdout
    assert not [each for each in psutil.process_iter(["cmdline"]) if "43210" in str(each.info["cmdline"])]
    refused = run("verify", out / "config.yaml", "--budget", "3s")
    assert refused.returncode == 2
    assert f"give --beside '{command}' to let it run again" in refused.stderr
    allowed = run("verify", out / "config.yaml", "--budget", "3s", "--beside", command, "--min-ratio", "0")
    assert allowed.returncode == 0, allowed.stderr


@pytest.mark.alone
def test_a_program_that_does_not_go_on_ends_the_search(tmp_path):
    model = models.mlp(tmp_path / "m.xml")
    done = run("search", model, "--beside", "sh -c 'exit 7'", "--output", tmp_path / "out")
    assert done.returncode == 3
    assert "ended with exit code 7 within 2 s" in done.stderr


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
        compiled = tuner.load(sys.argv[1]).compile(copy=int(sys.argv[2]))
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


def test_a_file_for_another_program_says_what_it_cannot_hold(tmp_path):
    _, config = advice_for_copies(tmp_path, [[0], [1]])
    done = run("export", config, "--to", "cpp")
    assert done.returncode == 0
    assert "The advice is for 2 processes at the same time, each on cores of its own (0; 1)" in done.stderr
