"""The manifests are valid, agree with each other and with the command line, and ask for what a search understands."""

import re
from functools import partial

import kubernetes_validate
import pytest
from ray.scripts.scripts import start

import tuner
from tests.deploy.manifests import (
    FOLDER,
    PODS,
    ROOT,
    container,
    documents,
    measures,
    of_kind,
    templates,
    titled,
)
from tuner.cli.app import cli
from tuner.cli.program import CHECK_FAILED
from tuner.domain.host import Host
from tuner.domain.place import Quota
from tuner.errors import Interrupted, TunerError, UsageError
from tuner.probe.control_groups import memory_limit_mb, quota

OLDEST, NEWEST = "1.31", kubernetes_validate.latest_version()
"""`podFailurePolicy` is stable from 1.31 on; the newest is that of the package's schemas."""

JOBS = {titled(job): job for job in of_kind("Job")}
SEARCHES = {name: job for name, job in JOBS.items() if measures(job["spec"]["template"]["spec"])}
DRIVER = JOBS["Job search-on-ray-epyc"]
EXIT_CODES = {error.exit_code for error in (TunerError, UsageError, Interrupted)} | {CHECK_FAILED}

each_pod = pytest.mark.parametrize("pod", PODS.values(), ids=PODS)
each_job = pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
each_search = pytest.mark.parametrize("job", SEARCHES.values(), ids=SEARCHES)


def pod_of(job):
    return job["spec"]["template"]["spec"]


def arguments(job):
    return container(pod_of(job))["args"]


def understood(words):
    """Return the options of a command line; click raises where there are no such ones."""
    return cli.commands[words[0]].make_context(words[0], words[1:], **cli.context_settings).params


# Kubernetes' own schemas


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize(
    "found", [each for each in documents() if "ray.io" not in each["apiVersion"]], ids=titled
)
def test_a_manifest_is_valid_and_has_no_field_that_kubernetes_does_not_know(found, version):
    kubernetes_validate.validate(found, version, strict=True)


@pytest.mark.parametrize("found", of_kind("RayCluster"), ids=titled)
def test_the_pods_of_a_ray_cluster_are_valid(found):
    """The cluster's schema belongs to KubeRay, and no package has it; that of its pods is Kubernetes' own."""
    for template in templates(found):
        wrapped = {
            "apiVersion": "v1",
            "kind": "PodTemplate",
            "metadata": {"name": "ray"},
            "template": template,
        }
        kubernetes_validate.validate(wrapped, NEWEST, strict=True)


def test_a_misspelt_field_is_found():
    (pod,) = of_kind("Pod")
    misspelt = {**pod, "spec": {**pod["spec"], "restartPolice": "Never"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, NEWEST, strict=True)


# What is asked of Kubernetes


@each_pod
def test_a_pod_has_no_rights_and_writes_to_volumes_only(pod):
    only = container(pod)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {mount["name"]: mount["mountPath"] for mount in only["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert set(mounted) == set(volumes)
    assert "emptyDir" in volumes["tmp"]
    assert mounted["tmp"] == "/tmp"
    claimed = {
        each["persistentVolumeClaim"]["claimName"] for each in volumes.values() if "emptyDir" not in each
    }
    assert claimed <= {claim["metadata"]["name"] for claim in of_kind("PersistentVolumeClaim")}


@each_pod
def test_a_pod_has_the_user_of_the_image(pod):
    user, group = map(int, re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.M).groups())
    context = pod["securityContext"]
    assert [context[name] for name in ("runAsUser", "runAsGroup", "fsGroup")] == [user, group, group]


@each_pod
def test_a_pod_that_measures_is_guaranteed_whole_cpus(pod):
    """QoS class Guaranteed, and whole numbers: what the static CPU manager gives cores of its own to."""
    resources = container(pod)["resources"]
    assert resources["requests"] == resources["limits"]
    assert {"cpu", "memory"} <= set(resources["limits"])
    assert "initContainers" not in pod
    if measures(pod):
        assert int(resources["limits"]["cpu"]) % 2 == 0  # both threads of a core


@each_pod
def test_pods_that_measure_keep_each_other_off_their_node(pod):
    if not measures(pod):
        return
    (rule,) = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert rule["topologyKey"] == "kubernetes.io/hostname"
    every = [template for found in documents() for template in templates(found) if measures(template["spec"])]
    assert len(every) == len(SEARCHES) + 2  # two groups of Ray's workers
    for template in every:
        assert rule["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()


@each_search
def test_a_search_that_stopped_goes_on_and_one_that_cannot_end_well_does_not(job):
    spec = job["spec"]
    assert pod_of(job)["restartPolicy"] == "Never"
    assert spec["backoffLimit"] > 0
    assert spec["podReplacementPolicy"] == "Failed"
    drained, refused = spec["podFailurePolicy"]["rules"]
    assert drained["action"] == "Ignore"
    assert drained["onPodConditions"][0]["type"] == "DisruptionTarget"
    assert refused["action"] == "FailJob"
    assert refused["onExitCodes"]["containerName"] == container(pod_of(job))["name"]
    assert set(refused["onExitCodes"]["values"]) == EXIT_CODES - {Interrupted.exit_code}


def test_the_searches_differ_in_their_kind_alone():
    kinds = {job["metadata"]["labels"]["host-kind"]: job for job in SEARCHES.values()}
    files = {kind: (FOLDER / f"search-{kind}.yaml").read_text() for kind in kinds}
    assert len({text.replace(kind, "KIND") for kind, text in files.items()}) == 1
    for kind, job in kinds.items():
        assert job["metadata"]["name"] == f"search-{kind}"
        assert pod_of(job)["nodeSelector"] == {"host-kind": kind}
        assert understood(arguments(job))["output"].name == kind


# What the pods run


@each_job
def test_a_job_runs_a_command_that_the_tuner_understands(job):
    assert understood(arguments(job))
    assert "command" not in container(pod_of(job))  # so the image's entry point runs it


def test_the_merge_reads_what_the_searches_write():
    merge = understood(arguments(JOBS["Job merge"]))
    outputs = [understood(arguments(job))["output"] for job in SEARCHES.values()]
    assert set(merge["configs"]) == {output / "config.yaml" for output in outputs}
    assert merge["output"].parent == outputs[0].parent


@each_search
def test_a_search_reads_its_model_and_writes_its_results_on_volumes(job):
    options = understood(arguments(job))
    mounts = {mount["name"]: mount for mount in container(pod_of(job))["volumeMounts"]}
    assert f"/work/{options['model']}".startswith(mounts["models"]["mountPath"] + "/")
    assert mounts["models"]["readOnly"]
    assert f"/work/{options['output']}".startswith(mounts["results"]["mountPath"] + "/")


def test_every_pod_runs_the_image_of_this_version():
    images = {container(pod)["image"] for pod in PODS.values()}
    assert images == {f"openvino-tuner:{tuner.__version__}", f"openvino-tuner:{tuner.__version__}-ray"}


# What a search makes of it


@each_search
def test_a_search_reads_the_limits_of_its_pod_and_counts_own_cores_as_no_quota(job, tmp_path):
    """The kubelet writes the limits so; before Kubernetes 1.33 the quota stays beside cores of its own."""
    limits = container(pod_of(job))["resources"]["limits"]
    cores, gibibytes = int(limits["cpu"]), int(limits["memory"].removesuffix("Gi"))
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "cpu.max").write_text(f"{cores * 100_000} 100000\n")
    (group / "memory.max").write_text(f"{gibibytes << 30}\n")
    assert quota(tmp_path) == Quota(cores)
    assert memory_limit_mb(tmp_path) == gibibytes << 10
    host = partial(Host, "a processor", memory_mb=1 << 16, os="Linux", openvino="2026.4", devices={})
    assert host(cores=cores, cgroup_cores=cores).quota is None  # the static CPU manager
    assert host(cores=4 * cores, cgroup_cores=cores).quota == cores  # no such manager


# KubeRay's own fields, by its API reference for ray.io/v1

CLUSTER = {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
HEAD = {"rayStartParams", "template", "labels", "resources", "serviceType", "headService", "enableIngress"}
GROUP = {
    "groupName",
    "replicas",
    "minReplicas",
    "maxReplicas",
    "numOfHosts",
    "idleTimeoutSeconds",
    "scaleStrategy",
}


@pytest.fixture
def cluster():
    (found,) = of_kind("RayCluster")
    return found["spec"]


def test_a_ray_cluster_has_a_worker_group_for_each_kind(cluster):
    groups = {group["groupName"]: group for group in cluster["workerGroupSpecs"]}
    assert set(groups) == {job["metadata"]["labels"]["host-kind"] for job in SEARCHES.values()}
    for kind, group in groups.items():
        assert group["labels"] == group["template"]["spec"]["nodeSelector"] == {"host-kind": kind}
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_a_ray_cluster_has_the_fields_that_kuberay_knows(cluster):
    head, groups = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert set(cluster) == CLUSTER
    assert {"rayStartParams", "template"} <= set(head) <= HEAD
    for group in groups:
        assert {"groupName", "minReplicas", "maxReplicas", "template"} <= set(group)
        assert set(group) <= GROUP | {"rayStartParams", "template", "labels", "resources"}
    for started in (head, *groups):
        assert all(isinstance(value, str) for value in started["rayStartParams"].values())
        assert "labels" not in started["rayStartParams"]  # refused by KubeRay, which has a field for them


def test_ray_starts_with_options_that_it_knows(cluster):
    known = {word for option in start.params for word in option.opts}
    started = (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
    assert {f"--{name}" for group in started for name in group["rayStartParams"]} <= known


def test_rays_version_is_the_same_wherever_it_is_named(cluster):
    named = [FOLDER / "raycluster.yaml", ROOT / "docs" / "containers.md"]
    versions = {
        found for file in named for found in re.findall(r"ray\[default\]==([\d.]+\d)", file.read_text())
    }
    locked = re.findall(r"^ray==(.+)$", (ROOT / "tests" / "tested.txt").read_text(), re.M)
    assert versions | {*locked} == {cluster["rayVersion"]}


def test_a_driver_searches_on_the_nodes_of_a_kind_and_what_it_writes_is_merged():
    (found,) = of_kind("RayCluster")
    options = understood(arguments(DRIVER))
    assert (
        options["ray"] == f"ray://{found['metadata']['name']}-head-svc:10001"
    )  # as KubeRay names the service
    kind = DRIVER["metadata"]["labels"]["host-kind"]
    assert options["hosts"] == f"host-kind={kind}"
    assert options["output"] / "config.yaml" in understood(arguments(JOBS["Job merge"]))["configs"]
    search = JOBS[f"Job search-{kind}"]
    for field in ("backoffLimit", "podReplacementPolicy", "podFailurePolicy"):
        assert DRIVER["spec"][field] == search["spec"][field]


def test_only_pods_of_the_ray_cluster_and_drivers_reach_it():
    (policy,) = of_kind("NetworkPolicy")
    (found,) = of_kind("RayCluster")
    own = {"matchLabels": {"ray.io/cluster": found["metadata"]["name"]}}
    assert policy["spec"]["podSelector"] == own
    ((inside, drivers),) = [rule["from"] for rule in policy["spec"]["ingress"]]
    assert inside == {"podSelector": own}
    labels = DRIVER["spec"]["template"]["metadata"]["labels"]
    assert drivers["podSelector"]["matchLabels"].items() <= labels.items()
    assert drivers["podSelector"]["matchLabels"].items() > {("app.kubernetes.io/name", "openvino-tuner")}
