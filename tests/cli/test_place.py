"""A search in a part of the host, at the command line."""

import json

import pytest
import yaml

from tests import models
from tests.cli.command import complain, run
from tests.measure.test_place import left, needs_groups
from tuner.study.reading import read_results


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--cpus", "0.05"), "--cpus '0.05' is not a number of cores"),
        (("--cpuset", ""), "--cpuset '' is not a list of cores"),
        (("--cpuset", "4096"), "--cpuset names core 4096, but this process may use only"),
    ],
)
def test_a_place_that_is_none_is_refused(capsys, tmp_path, options, sentence):
    model = models.mlp(tmp_path / "m.xml")
    code, message = complain(capsys, "search", model, *options, "--output", tmp_path / "out")
    assert code == 2
    assert sentence in message
    assert not (tmp_path / "out").exists()


def test_devices_shows_the_place_beside_what_the_hint_takes():
    done = run("devices")
    assert done.returncode == 0
    assert done.stdout.startswith("place  ")
    assert "hint on CPU" in done.stdout
    place = json.loads(run("devices", "--json").stdout)["place"]
    assert len(place["cores"]) >= place["hint_threads"] >= 1


@needs_groups
@pytest.mark.slow
@pytest.mark.alone
def test_a_search_under_a_quota_tries_as_many_threads_as_it_lasts_for(tmp_path):
    model, out = models.convolutions(tmp_path / "m.xml"), tmp_path / "out"
    done = run(
        "search", model, "--device", "CPU", "--batch", "1", "--cpus", "0.5", "--budget", "22s",
        "--trials", "3", "--output", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "place    0.5 of " in done.stdout
    (result,) = read_results(str(out))
    assert result.host.cgroup_cores == pytest.approx(0.5)
    threads = [trial.configuration.plain_properties.get("INFERENCE_NUM_THREADS") for trial in result.trials]
    assert 1 in threads
    assert all(trial.measured.throttled is not None for trial in result.trials if trial.measured)
    found = [trial.measured.throttled for trial in result.trials if trial.measured]
    assert max(each.periods for each in found) > 0.5
    assert any(each.free_p99_ms for each in found)
    assert yaml.safe_load((out / "config.yaml").read_text())["baseline"]["measured"]["throttled_time"] > 0
    assert "p99 without that" in done.stdout
    report = next(out.glob("report.html")).read_text()
    assert "<button>throttled</button>" in report
    assert not left()
