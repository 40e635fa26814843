"""What the documents say is what the code does."""

import asyncio
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml

import tuner
from tests import properties_reference
from tests.benchmarks import page as evidence
from tests.cli_reference import reference
from tuner.advice.loader import read
from tuner.cli.app import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DEMO = ROOT / "reports" / "demo" / "config.yaml"
"""What `make demo` leaves: not published."""

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/gpu/README.md")),
    *(ROOT / "reports" / name for name in ("README.md", "gpu_emulated/README.md")),
    *(ROOT / "docs").glob("*.md"),
]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", README, re.S)


def commands() -> list[list[str]]:
    lines = []
    for kind in ("console", "sh"):
        for block in blocks(kind):
            lines += [
                line.removeprefix("$ ")
                for line in block.splitlines()
                if kind == "sh" or line.startswith("$ ")
            ]
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def test_the_command_reference_is_that_of_the_code():
    assert (ROOT / "docs" / "cli.md").read_text() == reference()


def test_the_list_of_properties_is_that_of_the_code():
    assert (ROOT / "docs" / "properties.md").read_text() == properties_reference.reference()


def test_every_command_of_the_readme_exists_with_its_options():
    seen = set()
    for words in commands():
        if words[0] != "tuner":
            continue
        seen.add(words[1])
        known = {option for parameter in cli.commands[words[1]].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known
    assert set(cli.commands) <= seen


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        assert set(re.findall(r"`make ([a-z-]+)`", page.read_text())) <= targets
    assert {words[1] for words in commands() if words[0] == "make"} == {
        "demo",
        "demo-multi",
        "demo-gpu",
        "test",
    }


def test_every_link_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_yaml_that_the_readme_shows_has_the_fields_of_the_schema():
    (shown,) = blocks("yaml")
    told = yaml.safe_load(shown)
    assert set(told) == set(tuner.Advice.__struct_fields__)


@pytest.mark.parametrize(
    "path", sorted(set(ROOT.glob("reports/*/config.yaml")) - {DEMO}), ids=lambda path: path.parent.name
)
def test_published_advice_can_be_loaded(path):
    (advice,) = read(path)
    assert advice.search.command.startswith("tuner search ")
    assert f"](./{path.parent.name}/config.yaml)" in (ROOT / "reports" / "README.md").read_text()


def test_the_python_of_the_readme_runs_on_real_advice(tmp_path, monkeypatch):
    from tests import models

    loop, server = blocks("python")
    monkeypatch.chdir(tmp_path)
    models.mlp(tmp_path / "model.xml")
    tuner.search("model.xml", budget=8, trials=2, batch=[4])
    samples, answers = [np.full(16, number, np.float32) for number in range(5)], []
    space = {"samples": lambda: iter(samples), "use": answers.append, "asyncio": asyncio}
    exec(loop, space)
    assert [one.shape for one in answers] == [(16,)] * 5
    exec(server, space)
    served = asyncio.run(space["serve"](samples))
    np.testing.assert_array_equal(np.stack(served), np.stack(answers))


def test_every_public_function_documents_itself():
    for name in tuner.__all__:
        if name != "__version__":
            assert getattr(tuner, name).__doc__


def test_the_evidence_is_drawn_from_its_files():
    assert (ROOT / "reports" / "evidence" / "README.md").read_text() == evidence.page()
