"""Searches whose real Ray cluster is lost: they end with what they have, and nobody sees a traceback."""

import gc
import os
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress

import psutil
import pytest

import tuner
from tests import models
from tuner.study.reading import read_results

pytest.importorskip("ray")

pytestmark = [
    pytest.mark.alone,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Ray leaves files open; what starts a cluster here lets them be collected here, too."""

IMPATIENT = """
import sys
from tuner.tuning import nodes
nodes.HEAD_S = 5.0
from tuner.cli.app import main
sys.exit(main())
"""
"""The command, which gives the head of a cluster up sooner."""


@contextmanager
def cluster_of_one(**head):
    """A cluster whose head measures nothing, with a node that does."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **head})
    try:
        gc.collect()
        cluster.add_node(num_cpus=2)
        yield cluster
    finally:
        cluster.shutdown()


@contextmanager
def in_trials(model, address, out):
    """Start a search, and yield it once it runs trials; it is killed if it does not end."""
    asked = ("search", str(model), "--ray", address, "--budget", "120s", "--output", str(out))
    process = subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, *asked],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "3"},
    )
    try:
        said = []
        while not said or "/s  " not in said[-1]:
            said.append(process.stderr.readline())
            assert said[-1], said
        yield process
    finally:
        process.kill()
        process.communicate()


def answer_of(process, out, why):
    """Make sure that a search ended in order, and return its study."""
    stdout, stderr = process.communicate(timeout=100)
    assert process.returncode == 4, stderr
    assert "Traceback" not in stderr
    assert f"warning: The search was cut short: {why}; the same command goes on." in stderr
    assert stdout.startswith(f"stopped early; inconclusive: {why}; run the same command again to go on")
    assert tuner.load(out / "config.yaml").verdict == "inconclusive"
    (result,) = read_results(str(out))
    return result


def test_a_search_whose_head_is_lost_goes_on_for_a_while_and_ends_with_what_it_has(tmp_path):
    model, out = models.wide(tmp_path / "m.xml"), tmp_path / "out"
    with cluster_of_one() as cluster, in_trials(model, cluster.address, out) as process:
        cluster.remove_node(cluster.head_node, allow_graceful=False)
        (there,) = read_results(str(out))
        result = answer_of(process, out, "the head of the cluster does not answer any more")
    assert len(result.trials) > len(there.trials)  # hosts measure without it


def test_a_search_whose_connection_is_lost_ends_with_what_it_has(tmp_path):
    pytest.importorskip("grpc")
    model, out = models.wide(tmp_path / "m.xml"), tmp_path / "out"
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"ray://127.0.0.1:{port}"
    with cluster_of_one(ray_client_server_port=port) as cluster, in_trials(model, address, out) as process:
        servers = [each for each in psutil.process_iter(["cmdline"]) if _serves(each, cluster.address)]
        assert servers
        for each in servers:
            with suppress(psutil.NoSuchProcess):  # some end with others
                each.kill()
        result = answer_of(process, out, "the connection with the cluster is lost, and does not come back")
    assert result.trials


def _serves(process, address):
    """Return whether a process serves `ray://` for the cluster at an address."""
    words = process.info["cmdline"] or ()
    return "ray.util.client.server" in words and f"--address={address}" in words
