"""Loads at the command line: what is refused, and a real search with its verification."""

import json

import pytest

from tests import models
from tests.cli.command import complain, run
from tuner.commands.asked import load_of


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return models.wide(tmp_path_factory.mktemp("load") / "wide.xml", 512)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--rate", "200"),
            "--rate 200 fixes the throughput, so there is none to gain; give --objective 'latency'",
        ),
        (("--rate", "0", "--objective", "cpu"), "--rate '0' is not a number of arrivals per second above 0"),
        (
            ("--rate", "-5", "--objective", "cpu"),
            "--rate '-5' is not a number of arrivals per second above 0",
        ),
        (
            ("--rate", "2", "--objective", "cpu"),
            "--budget 60s is too short for 2 items/s: a window of 10 items takes 5 s; give at least 100s",
        ),
        (("--rate", "9", "--arrivals", "{trace}", "--objective", "cpu"), "are two loads; give one of them"),
        (
            ("--arrivals", "none.csv", "--objective", "cpu"),
            "--arrivals 'none.csv' cannot be read (No such file",
        ),
        (("--arrivals", "{empty}", "--objective", "cpu"), "holds no arrival times; give seconds, one a line"),
        (
            ("--arrivals", "{trace}", "--objective", "latency", "--min-throughput", "5"),
            "fixes the throughput already; leave --min-throughput out",
        ),
        (
            ("--objective", "rate"),
            "is the highest rate of arrivals at which a limit of the latency holds, and none is given; give "
            "--max-latency '20ms', for example",
        ),
        (
            ("--objective", "rate", "--max-latency", "20ms", "--rate", "9"),
            "finds the rate of arrivals; leave --rate and --arrivals out",
        ),
        (
            ("--objective", "rate", "--max-latency", "20ms", "--min-throughput", "9"),
            "finds the rate that holds; leave --min-throughput out",
        ),
        (("--objective", "pareto", "--rate", "9"), "--rate 9 fixes the throughput, so there is none to gain"),
        (
            ("--rate", "9", "--objective", "cpu", "--batching", "auto"),
            "batching 'auto' gathers them in OpenVINO; leave --batching out",
        ),
    ],
)
def test_bad_loads_are_refused_with_a_sentence(capsys, tmp_path, model, options, sentence):
    (tmp_path / "trace.csv").write_text("0\n1\n2\n")
    (tmp_path / "empty.csv").write_text("seconds\n")
    files = {"trace": tmp_path / "trace.csv", "empty": tmp_path / "empty.csv"}
    given = [option.format(**files) for option in options]
    code, message = complain(capsys, "search", model, *given, "--output", tmp_path / "out")
    assert code == 2
    assert sentence in message.replace("--batching", "batching", message.count("but --batching"))
    assert message.count("\n") <= 2


def test_a_load_is_a_rate_or_a_recording(tmp_path):
    (tmp_path / "trace.csv").write_text("0\n1\n2\n")
    assert load_of(None, None) is None
    assert load_of("200", None, 7).seed == 7
    assert load_of(None, tmp_path / "trace.csv").rate == pytest.approx(1.0)


@pytest.mark.slow
@pytest.mark.alone
def test_a_load_is_searched_kept_in_the_advice_and_verified(capsys, tmp_path, model):
    trace = tmp_path / "trace.csv"
    trace.write_text("seconds\n" + "".join(f"{number * 0.005:.3f}\n" for number in range(200)))
    output = tmp_path / "out"
    load = ("--objective", "cpu", "--arrivals")
    done = run("search", model, "--budget", "10s", *load, trace, "--output", output, "--json", "-q")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["question"]["load"]["rate"] == pytest.approx(200.0)
    assert answer["question"]["load"]["arrivals"] == str(trace)
    assert answer["baseline"]["measured"]["throughput_fps"] == pytest.approx(200.0, rel=0.2)
    assert answer["best"]["batch"] == 1
    code, message = complain(
        capsys,
        "search",
        model,
        "--budget",
        "10s",
        "--objective",
        "cpu",
        "--rate",
        "200",
        "--output",
        output,
        "-q",
    )
    assert code == 2
    assert "question was 'cpu, arrivals " in message
    assert "is 'cpu, 200.0 items/s'" in message
    moved = trace.rename(tmp_path / "moved.csv")
    code, message = complain(capsys, "verify", output / "config.yaml", "-q")
    assert "trace.csv' cannot be read" in message
    check = ("verify", output / "config.yaml", "--budget", "12s", "--min-ratio", "0.2", "-q", "--arrivals")
    done = run(*check, moved)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "load     200 items/s as recorded in" in done.stdout
    moved.write_text("0\n1\n2\n")
    code, message = complain(capsys, *check, moved)
    assert "is not the recording that the advice was measured with" in message
