"""What the Dockerfile says, by the parser that Docker's own builder uses."""

import fnmatch
import json
import re
import shlex
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from types import SimpleNamespace

import pytest

import tuner

ROOT = Path(__file__).parents[2]
BUILD, RUNTIME = 0, 1
LABEL = "org.opencontainers.image."
PROJECT = distribution("openvino-tuner")
PARSE = """
import dockerfile, json, sys
print(json.dumps([each._asdict() for each in dockerfile.parse_file(sys.argv[1])]))
"""
"""In a process of its own: the parser is written in Go, whose signals end a process that has compiled models with AMX."""


@pytest.fixture(scope="module")
def commands():
    done = subprocess.run([sys.executable, "-c", PARSE, ROOT / "Dockerfile"], capture_output=True, check=True)
    found = json.loads(done.stdout)
    return [
        SimpleNamespace(**{**each, "flags": tuple(each["flags"]), "value": tuple(each["value"])})
        for each in found
    ]


@pytest.fixture(scope="module")
def defaults(commands):
    """The values of build arguments that are not given."""
    given = (word.partition("=") for each in commands if each.cmd.upper() == "ARG" for word in each.value)
    return {name: value.strip('"') for name, equals, value in given if equals}


@pytest.fixture(scope="module")
def stages(commands, defaults):
    """The commands of each stage, as pairs of a name and values in which build arguments are filled in."""
    found = []
    for each in commands:
        if each.cmd.upper() == "FROM":
            found.append([])
        if found:
            values = [
                re.sub(r"\$\{(\w+)\}", lambda name: defaults.get(name[1], name[0]), word)
                for word in each.value
            ]
            found[-1].append((each.cmd.upper(), values, each))
    assert len(found) == 2
    return found


def values(stage, name):
    """Return the values of a stage's commands of one name."""
    return [words for command, words, _ in stage if command == name]


def the(stage, name):
    """Return the values of a stage's only command of one name."""
    (only,) = values(stage, name)
    return only


def labels(stage):
    words = [word.strip('"') for word in the(stage, "LABEL") if word != "="]
    return dict(zip(words[::2], words[1::2], strict=True))


def test_both_stages_begin_with_the_same_base_of_a_version(stages):
    bases = {the(stage, "FROM")[0] for stage in stages}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+(\.\d+)?-slim-[a-z]+", bases.pop())


def test_the_python_of_the_base_is_supported(stages):
    version = re.search(r":(3\.\d+)", the(stages[RUNTIME], "FROM")[0])[1]
    assert f"Programming Language :: Python :: {version}" in PROJECT.metadata.get_all("Classifier")


def test_the_image_runs_the_tuner_as_a_user_with_a_number(stages):
    user, group = the(stages[RUNTIME], "USER")[0].split(":")
    assert int(user) > 0
    assert int(group) > 0
    entry = next(each for command, _, each in stages[RUNTIME] if command == "ENTRYPOINT")
    assert entry.json
    assert entry.value == ("tuner",)
    assert "tuner" in PROJECT.entry_points.names


def test_the_user_is_the_last_who_acts(stages):
    names = [command for command, _, _ in stages[RUNTIME]]
    assert names.index("USER") > max(at for at, name in enumerate(names) if name in {"RUN", "COPY"})


def test_results_go_to_a_volume_below_the_folder_where_it_starts(stages):
    folder = the(stages[RUNTIME], "WORKDIR")[0]
    assert the(stages[RUNTIME], "VOLUME") == [f"{folder}/reports"]


def test_the_labels_are_those_of_the_project(stages, defaults):
    found = labels(stages[RUNTIME])
    assert found[LABEL + "title"] == PROJECT.name
    assert found[LABEL + "version"] == tuner.__version__
    assert found[LABEL + "licenses"] == PROJECT.metadata["License-Expression"]
    assert found[LABEL + "base.name"] == defaults["BASE"]
    assert found[LABEL + "revision"] == "unknown"
    assert found[LABEL + "description"]


def test_what_is_built_is_a_wheel_with_the_tested_versions_and_no_cache_stays(stages):
    runs = [run for words in values(stages[BUILD], "RUN") for word in words for run in word.split("&&")]
    installs = [shlex.split(run) for run in runs if "pip" in run.split()[:1]]
    assert [words[0] for words in installs] == ["pip", "pip"]
    assert all("--no-cache-dir" in words for words in installs)
    wheel, install = installs
    assert wheel[1] == "wheel"
    assert install[install.index("--constraint") + 1] == "tested.txt"
    assert "/wheels/*.whl" in install
    copied = [each for command, _, each in stages[RUNTIME] if command == "COPY"]
    assert [(each.flags, each.value) for each in copied] == [
        (("--from=build",), ("/opt/tuner", "/opt/tuner"))
    ]
    assert not any("pip" in word for words in values(stages[RUNTIME], "RUN") for word in words)


def ignored(path):
    """Return whether .dockerignore keeps a path from the builder: the last pattern that fits decides."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    parts = path.split("/")
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    out = False
    for line in lines:
        pattern = line.removeprefix("!")
        names = parts if pattern.startswith("**/") else above
        if any(fnmatch.fnmatchcase(name, pattern.removeprefix("**/")) for name in names):
            out = not line.startswith("!")
    return out


def test_what_the_builder_copies_reaches_it_and_nothing_else_does(stages):
    sources = [source for words in values(stages[BUILD], "COPY") for source in words[:-1]]
    assert [source for source in sources if not (ROOT / source).exists() or ignored(source)] == []
    assert {"pyproject.toml", "README.md", "LICENSE", "tuner"} <= set(sources)
    top = {path.name for path in ROOT.iterdir()}
    assert {name for name in top if not ignored(name)} == {source for source in sources if "/" not in source}
    assert not ignored("tuner/cli/app.py")
    assert ignored("tuner/cli/__pycache__/app.cpython-313.pyc")
    assert ignored("tests/conftest.py")
