"""A real Ray cluster of this machine for the tests of this folder, which all share it."""

import pytest

QUICK_TO_NOTICE = {"initial_delay_ms": 0, "period_ms": 300, "timeout_ms": 300, "failure_threshold": 3}
"""When a node counts as lost: Ray waits half a minute unless told otherwise."""


@pytest.fixture(scope="package")
def nodes():
    """A cluster whose head measures nothing, and a place to add nodes."""
    ray = pytest.importorskip("ray")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    quick = {f"health_check_{name}": value for name, value in QUICK_TO_NOTICE.items()}
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": quick}
    )
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR", namespace="tests")
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture(scope="package")
def pair(nodes):
    """Two nodes of a kind that stay."""
    return [nodes.add_node(num_cpus=1, labels={"kind": "fast"}) for _ in range(2)]


@pytest.fixture
def lossy(nodes, request):
    """Two nodes that a test may end, and the label by which they are chosen."""
    labels = {"kind": request.node.name[-60:]}
    return [nodes.add_node(num_cpus=1, labels=labels) for _ in range(2)], labels
