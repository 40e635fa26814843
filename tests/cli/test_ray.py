"""Searches on a real Ray cluster of this host, from the command line."""

import gc
import json
import os
import signal
import socket
import sys
from contextlib import nullcontext

import psutil
import pytest

import tuner
from tests import models
from tests.cli.command import complain, run
from tests.cli.test_cli import start_until
from tests.lanes.on_hosts import wait_until
from tuner.advice.loader import read
from tuner.commands.on_a_cluster import kind_here
from tuner.errors import UsageError
from tuner.study.reading import read_results

pytest.importorskip("ray")

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Ray leaves files open; what starts a cluster here lets them be collected here, too."""


@pytest.fixture
def model(tmp_path):
    return models.wide(tmp_path / "m.xml")


def test_kinds_of_host_without_a_cluster_are_refused(model, capsys):
    code, sentence = complain(capsys, "search", model, "--mixed-hosts")
    assert code == 2
    assert sentence == (
        "tuner: --mixed-hosts searches each kind of host of a Ray cluster; give its address with --ray, too.\n"
    )


def test_the_trials_of_several_searches_are_not_shown(model, capsys):
    code, sentence = complain(capsys, "search", model, "--ray", "auto", "--mixed-hosts", "-v")
    assert code == 2
    assert "--verbose shows the trials of one search, and --mixed-hosts runs several" in sentence


def test_hosts_without_a_cluster_are_refused(model, capsys):
    code, sentence = complain(capsys, "search", model, "--hosts", "kind=xeon")
    assert code == 2
    assert sentence == "tuner: --hosts chooses hosts of a Ray cluster; give its address with --ray, too.\n"


def test_labels_have_a_name_and_a_value(model, capsys):
    code, sentence = complain(capsys, "search", model, "--ray", "local", "--hosts", "xeon")
    assert code == 2
    assert sentence == "tuner: --hosts 'xeon' is not a list of labels; give for example 'kind=xeon,zone=a'.\n"


def test_without_ray_the_extra_is_named(model, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "tuner.tuning.ray_connection", raising=False)
    code, sentence = complain(capsys, "search", model, "--ray", "auto")
    assert code == 2
    assert sentence == (
        "tuner: --ray 'auto' needs the package Ray; install it with: pip install 'openvino-tuner[ray]'\n"
    )


def test_a_cluster_that_is_not_there_is_named(model, capsys, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    code, sentence = complain(capsys, "search", model, "--ray", "auto")
    assert code == 2
    assert sentence.startswith("tuner: --ray 'auto' cannot be reached (")
    assert "start a cluster with 'ray start --head'" in sentence


@pytest.fixture
def failing(monkeypatch):
    """Ray cannot connect, for reasons that a test adds; it can once there are no more of them."""
    import ray

    reasons = []

    def fail(**_):
        if reasons:
            raise ConnectionAbortedError(
                "Initialization failure from server:\nTraceback (most recent call last):\n  File 'x.py', line 1\n"
                f"RuntimeError: {reasons.pop()}\n"
            )

    monkeypatch.setattr(ray, "init", fail)
    return reasons


def test_of_a_servers_own_traceback_the_reason_is_shown(model, capsys, failing):
    failing += ["no space left."]
    code, sentence = complain(capsys, "search", model, "--ray", "ray://127.0.0.1:1")
    assert code == 2
    assert "reached (RuntimeError: no space left.); start" in sentence


@pytest.mark.parametrize(("times", "connects"), [(2, True), (3, False)])
def test_a_server_that_does_not_start_is_asked_again(failing, times, connects):
    from tuner.tuning.ray_connection import connected

    failing += times * ["Starting Ray client server failed. See its log."]
    with (
        nullcontext() if connects else pytest.raises(UsageError, match="See its log"),
        connected("ray://h:1"),
    ):
        assert not failing


def test_plugins_stay_on_their_host(model, capsys, tmp_path):
    plugins = tmp_path / "plugins.xml"
    plugins.write_text("<ie><plugins></plugins></ie>")
    code, sentence = complain(capsys, "search", model, "--ray", "local", "--plugins", plugins)
    assert code == 2
    assert "cannot be sent to others; leave --ray out." in sentence


def test_a_model_that_is_not_there_is_refused_before_a_cluster_is_asked(tmp_path, capsys):
    code, sentence = complain(capsys, "search", tmp_path / "none.xml", "--ray", "auto")
    assert code == 3
    assert sentence.startswith(f"tuner: No model at '{tmp_path / 'none.xml'}'")


def _measures(process):
    """Return whether a process is a host of a search, or one of its lanes, and lives."""
    try:
        return "HostActor" in process.name() or "tuner.measure" in " ".join(process.cmdline())
    except psutil.Error:
        return False


@pytest.mark.alone
@pytest.mark.slow
def test_a_search_on_a_cluster_that_is_ended_by_a_service_saves_its_answer(model, tmp_path):
    out = tmp_path / "out"
    process = start_until("/s  ", "search", model, "--ray", "local", "--budget", "120s", "--output", out)
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 4
    assert stdout.startswith("stopped early; inconclusive")
    assert tuner.load(out / "config.yaml").verdict == "inconclusive"


@pytest.fixture(scope="module")
def two_kinds():
    """A cluster with a node on one core of this machine, and one on all of them; and its port for `ray://`."""
    import ray
    from ray.cluster_utils import Cluster

    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        pytest.skip("needs two cores")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "ray_client_server_port": port})
    try:
        gc.collect()
        cluster.add_node(num_cpus=2, labels={"kind": "wide"})
        os.sched_setaffinity(0, {min(cores)})
        cluster.add_node(num_cpus=1, labels={"kind": "narrow"})
        os.sched_setaffinity(0, cores)
        yield cluster.address, f"ray://127.0.0.1:{port}"
    finally:
        os.sched_setaffinity(0, cores)
        ray.shutdown()
        cluster.shutdown()


QUICKLY = ("--budget", "6s", "--trials", "1", "--batch", "2")


@pytest.mark.alone
@pytest.mark.slow
def test_a_killed_driver_leaves_nothing_behind_and_the_same_command_goes_on(model, tmp_path, two_kinds):
    out = tmp_path / "out"
    asked = ("search", model, "--ray", two_kinds[0], "--hosts", "kind=wide", "--output", out)
    before = set(psutil.pids())  # other tests of this process may have left what lanes are forked from
    process = start_until("/s  ", *asked, "--budget", "120s")
    measuring = [each for each in psutil.process_iter() if each.pid not in before and _measures(each)]
    assert len(measuring) >= 2  # the host, and a lane
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not any(map(_measures, measuring)))
    (left,) = read_results(str(out))
    assert len(left.trials) >= 2
    again = run(*asked, "--budget", "8s", "--json")
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert len(found["tried"]) > len(left.trials)
    advice = tuner.load(out / "config.yaml")
    assert advice.model.path == str(model)
    assert "--hosts kind=wide" in advice.search.command
    assert advice.hosts is None  # there is only one


@pytest.mark.alone
@pytest.mark.slow
def test_each_kind_of_host_has_a_search_of_its_own_and_one_file_holds_the_advice_of_all(
    model, tmp_path, two_kinds
):
    out, cores = tmp_path / "out", len(os.sched_getaffinity(0))
    done = run("search", model, "--ray", two_kinds[0], "--mixed-hosts", *QUICKLY, "--output", out, "--json")
    assert done.returncode == 0, done.stderr
    pairs = {pair["kind"]: pair for pair in json.loads(done.stdout)["pairs"]}
    assert sorted(pair["advice"]["host"]["cores"] for pair in pairs.values()) == [1, cores]
    assert all((out / kind / "report.html").is_file() for kind in pairs)
    assert (out / "index.html").is_file()
    assert [advice.host.cores for advice in read(out)] == [
        pair["advice"]["host"]["cores"] for pair in pairs.values()
    ]
    assert tuner.load(out).host.cores == cores


@pytest.mark.alone
@pytest.mark.slow
def test_a_plan_is_searched_on_the_hosts_of_each_kind(tmp_path, two_kinds):
    models.wide(tmp_path / "m.xml")
    (tmp_path / "plan.yaml").write_text(
        f"defaults: {{budget: 6s, trials: 1, batch: 2}}\nray: {two_kinds[0]}\nmodels: {{m: {{model: m.xml}}}}\n"
        "kinds: {wide: {hosts: kind=wide}, narrow: {hosts: kind=narrow}}\n"
    )
    done = run("fleet", tmp_path / "plan.yaml", "--json")
    assert done.returncode == 0, done.stderr
    pairs = {pair["kind"]: pair for pair in json.loads(done.stdout)["pairs"]}
    assert pairs["narrow"]["advice"]["host"]["cores"] == 1
    assert pairs["wide"]["advice"]["host"]["cores"] == len(os.sched_getaffinity(0))
    assert "hosts='kind=wide'" in pairs["wide"]["command"]


@pytest.mark.alone
@pytest.mark.slow
def test_precision_copies_a_neighbour_and_a_cpuset_are_those_of_the_other_host(model, tmp_path, two_kinds):
    """Reached from outside, as from an engineer's own machine."""
    pytest.importorskip("grpc")
    out, beside = tmp_path / "out", "sleep 76543"
    asked = (
        "--precision",
        "hint,f32",
        "--copies",
        "2",
        "--beside",
        beside,
        "--cpuset",
        "0",
        "--up-to",
        "10s",
    )
    done = run(
        "search", model, "--ray", two_kinds[1], "--hosts", f"tuner.kind={kind_here()}", *QUICKLY, *asked,
        "--output", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (result,) = read_results(str(out))
    assert result.host.cpuset == (0,)
    assert result.question.copies == (2,)
    assert result.question.beside == beside
    assert all(trial.configuration.copies == 2 for trial in result.trials)
    assert any(trial.measured.agreement for trial in result.trials if trial.measured)
    assert not [each for each in psutil.process_iter(["cmdline"]) if "76543" in str(each.info["cmdline"])]

    other = models.mlp(tmp_path / "other.xml")
    refused = run("search", other, "--ray", two_kinds[0], "--hosts", "kind=wide", *QUICKLY, "--output", out)
    assert refused.returncode == 2
    assert "study.db' belongs to another search (model was " in refused.stderr
    assert len(read_results(str(out))) == 1
