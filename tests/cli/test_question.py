"""Objectives and limits at the command line, with real searches."""

import json

import pytest

from tests import models
from tests.cli.command import complain, run


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return models.wide(tmp_path_factory.mktemp("question") / "wide.xml", 512)


@pytest.fixture(scope="module")
def limited(model):
    """A search for a latency that every single request keeps."""
    output = model.parent / "limited"
    return run("search", model, "--budget", "6s", "--max-latency", "p90:1s", "--output", output, "-q"), output


def test_a_limit_is_shown_with_its_price_and_kept_in_the_advice(limited):
    done, output = limited
    assert done.returncode == 0, done.stderr
    assert "  limit    p90 latency <= 1,000 ms: " in done.stdout
    assert "figure: p90" in (output / "config.yaml").read_text()


@pytest.mark.slow
def test_verify_asks_the_same_question_again(limited):
    output = limited[1]
    done = run("verify", output / "config.yaml", "--budget", "5s", "--min-ratio", "0.5", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "p90 latency <= 1,000 ms: kept, " in done.stdout


@pytest.mark.slow
def test_a_limit_of_the_hint_is_verified_as_well(model):
    output = model.parent / "hint"
    done = run(
        "search", model, "--budget", "5s", "--batch", "1", "--streams", "hint", "--requests", "2", "-q",
        "--max-latency", "1s", "--output", output,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    config = output / "config.yaml"
    config.write_text(config.read_text().replace("bound: 1000.0", "bound: 0.0001"))
    done = run("verify", config, "--budget", "5s", "-q")
    assert done.returncode == 1, done.stderr
    assert "fails: " in done.stdout
    assert "p99 latency <= 0.0001 ms: broken, " in done.stdout


def test_a_study_answers_one_question(capsys, limited, model):
    code, message = complain(
        capsys, "search", model, "--budget", "5s", "--objective", "cpu", "--output", limited[1], "-q"
    )
    assert code == 2
    assert "question was 'throughput, p90 1000.0', is 'cpu'" in message
    assert "choose another directory with --output" in message


@pytest.mark.slow
def test_limits_that_nothing_keeps_end_with_1_and_the_hint_in_the_yaml(model):
    output = model.parent / "unmet"
    done = run("search", model, "--budget", "5s", "--max-latency", "1us", "--output", output, "--json", "-q")
    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    assert answer["verdict"] == "inconclusive"
    assert answer["best"]["properties"] == {"PERFORMANCE_HINT": "THROUGHPUT"}
    assert answer["question"]["limits"] == [{"figure": "p99", "bound": 0.001}]


@pytest.mark.slow
def test_one_caller_is_compared_with_the_latency_hint(model):
    output = model.parent / "latency"
    done = run(
        "search", model, "--budget", "8s", "--objective", "latency", "--output", output, "--json", "-q"
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["baseline"]["properties"] == {"PERFORMANCE_HINT": "LATENCY"}
    assert answer["baseline"]["requests"] == answer["best"]["requests"] == 1
    assert answer["speedup"]["metric"] == "latency_p99"
