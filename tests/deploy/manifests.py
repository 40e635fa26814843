"""Reads the files of deploy/kubernetes."""

from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"


@cache
def documents():
    """Return the objects of all files; nobody changes them."""
    files = sorted(FOLDER.glob("*.yaml"))
    return [found for file in files for found in yaml.safe_load_all(file.read_text())]


def titled(found):
    return f"{found['kind']} {found['metadata']['name']}"


def of_kind(kind):
    return [found for found in documents() if found["kind"] == kind]


def templates(found):
    """Return what an object makes pods of."""
    if found["kind"] == "Pod":
        return [found]
    if found["kind"] == "Job":
        return [found["spec"]["template"]]
    if found["kind"] == "RayCluster":
        spec = found["spec"]
        return [group["template"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]
    return []


PODS = {
    f"{titled(found)} {position}": template["spec"]
    for found in documents()
    for position, template in enumerate(templates(found))
}
"""The pods of all files."""


def container(pod):
    """Return a pod's only container."""
    (only,) = pod["containers"]
    return only


def measures(pod):
    """Return whether a pod asks for a kind of host, because it measures there."""
    return "nodeSelector" in pod
