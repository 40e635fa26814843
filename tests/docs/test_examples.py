"""The commands and the Python that the documents show run."""

import ast
import asyncio
import importlib.metadata
import importlib.util
import inspect
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

import tuner
from tests import models
from tests.docs.documents import (
    DOCS,
    PAGES,
    ROOT,
    blocks,
    commands,
    name,
    rows,
)
from tuner.cli.app import cli, main

pytestmark = pytest.mark.alone

README = ROOT / "README.md"


CHEAP = {"devices", "export", "merge", "report"}


"""Commands that run in a moment; the others measure, so only their options are read."""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the files that the pages' commands speak of."""
    published = ROOT / "reports" / "light_squeezenet"
    folders = ("reports/model", "reports/demo", "laptop/model", "server/model", "reports/light_resnet50")
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        for file in ("config.yaml", "study.db"):
            shutil.copy(published / file, tmp_path / folder / file)
    shutil.copy(published / "config.yaml", tmp_path / "laptop.yaml")
    server = (published / "config.yaml").read_text().replace("cpu: ", "cpu: another ")
    (tmp_path / "server.yaml").write_text(server)
    plugin = Path(ov.__file__).parent / "libs" / "libopenvino_intel_cpu_plugin.so"
    xml = f'<ie><plugins><plugin name="CPU" location="{plugin}"></plugin></plugins></ie>'
    (tmp_path / "plugins.xml").write_text(xml)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_fits(words):
    """Check what a command about containers names: our files, and what the image is to run."""
    for option, file in itertools.pairwise(words):
        assert option != "-f" or (ROOT / file).exists(), file
    if words[0] == "run":
        image = next(at for at, word in enumerate(words) if word.startswith("openvino-tuner:"))
        name, *options = words[image + 1 :]
        cli.commands[name].make_context(name, options, **cli.context_settings)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name)
def test_every_command_runs_or_where_it_would_measure_is_understood(page, place, capsys):
    for first, *words in commands(page):
        if first == "tuner" and words[0] in CHEAP | {"--help", "--version"}:
            assert main(words) == 0, (words, capsys.readouterr().err)
        elif first == "tuner":
            cli.commands[words[0]].make_context(words[0], words[1:], **cli.context_settings)
        elif first in {"docker", "kubectl"}:
            assert_fits(words)
        elif first == "python":
            assert words[0] == "-m"
            assert importlib.util.find_spec(words[1])
        else:
            assert first in {"make", "pip", "apt-get", "optuna-dashboard", "ray"}


def test_every_command_is_shown_in_a_block():
    shown = {words[1] for page in DOCS for words in commands(page) if words[0] == "tuner"}
    assert set(cli.commands) <= shown


def test_the_version_names_openvino_too(capsys):
    assert main(["--version"]) == 0
    version = importlib.metadata.version("openvino")
    assert capsys.readouterr().out == f"tuner, version {tuner.__version__} (OpenVINO {version})\n"


TRY = {
    "bash": 'LINE; COMP_WORDS=(tuner dem); COMP_CWORD=1; _tuner_completion tuner; echo "${COMPREPLY[@]}"',
    "zsh": "autoload -Uz compinit && compinit -D -u; LINE; [ $_comps[tuner] = _tuner_completion ] && echo demo",
    "fish": "LINE; complete --do-complete 'tuner dem'",
}


@pytest.mark.parametrize("shell", sorted(TRY))
def test_a_shell_completes_after_the_line_that_is_documented(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    _, line = rows(ROOT / "docs" / "cli.md")[
        next(row for row in rows(ROOT / "docs" / "cli.md") if shell in row)
    ]
    (tmp_path / "tuner").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tuner "$@"\n')
    (tmp_path / "tuner").chmod(0o755)
    script = TRY[shell].replace("LINE", line.strip("`").replace("\\|", "|"))
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.stdout.split()[:1] == ["demo"], done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_command_completes_for_every_shell(shell, monkeypatch, capsys):
    monkeypatch.setenv("_TUNER_COMPLETE", f"{shell}_source")
    assert main([]) == 0
    assert "_tuner_completion" in capsys.readouterr().out
    monkeypatch.setenv("_TUNER_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", "tuner search --budg")
    monkeypatch.setenv("COMP_CWORD", "--budg" if shell == "fish" else "2")
    assert main([]) == 0
    assert "--budget" in capsys.readouterr().out


PYTHON = [(page, code) for page in PAGES for code in blocks(page, "python")]


KNOWN = {"tuner": tuner, "advice": tuner.Advice, "ov": ov, "result": tuner.Result}


@pytest.mark.parametrize(
    ("page", "code"), PYTHON, ids=lambda value: name(value) if isinstance(value, Path) else ""
)
def test_python_compiles_and_uses_what_there_is(page, code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in KNOWN:
            assert hasattr(KNOWN[node.value.id], node.attr), ast.unparse(node)
        if isinstance(node, ast.Call) and getattr(getattr(node.func, "value", None), "id", "") in {
            "tuner",
            "advice",
        }:
            called = getattr(KNOWN[node.func.value.id], node.func.attr)
            assert {word.arg for word in node.keywords} <= set(inspect.signature(called).parameters)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A folder with a model and its advice, where the pages' Python expects them."""
    folder = tmp_path_factory.mktemp("searched")
    model = models.mlp(folder / "model.xml")
    tuner.search(model, budget=8, trials=2, batch=[4], output=folder / "reports" / "model")
    shutil.copytree(folder / "reports" / "model", folder / "reports" / "demo")
    return folder


SAMPLES = [np.full(16, number, np.float32) for number in range(5)]


def test_the_python_of_the_readme_runs(searched, monkeypatch):
    (code,) = blocks(README, "python")
    assert len(code.splitlines()) <= 3
    monkeypatch.chdir(searched)
    space = {"samples": iter(SAMPLES)}
    exec(code, space)
    assert [answer.shape for answer in space["answers"]] == [(16,)] * 5


def test_the_python_of_an_application_runs(searched, monkeypatch):
    monkeypatch.chdir(searched)
    answers = []
    space = {"samples": lambda: iter(SAMPLES), "use": answers.append}
    for code in blocks(ROOT / "docs" / "applications.md", "python"):
        if "tuner.search" not in code:
            exec(code, space)
    assert [answer.shape for answer in answers] == [(16,)] * 5
    served = asyncio.run(space["serve"](SAMPLES))
    np.testing.assert_array_equal(np.stack(served), np.stack(answers))
    assert len(space["queue"]) == space["advice"].requests
