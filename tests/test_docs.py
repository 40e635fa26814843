"""What the documents say is what the code does."""

import ast
import asyncio
import importlib.metadata
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import openvino as ov
import pytest
import yaml

import tuner
from tests import models
from tests.documents import (
    DOCS,
    PAGES,
    ROOT,
    anchors,
    blocks,
    commands,
    inline,
    links,
    name,
    prose,
    rows,
    text_of,
)
from tests.publishing import cli_reference, pictures, properties_reference, python_reference
from tests.publishing import page as evidence
from tuner import errors
from tuner.advice.loader import read
from tuner.cli.app import cli, main

pytestmark = pytest.mark.alone

README = ROOT / "README.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DEMO = ROOT / "reports" / "demo" / "config.yaml"
"""What `make demo` leaves: not published."""

CHEAP = {"devices", "export", "merge", "report"}
"""Commands that run in a moment; the others measure, so only their options are read."""

SECTIONS = ["Install", "A search", "In Python", "The file", "What it does not do", "Links"]

GLOSSARY = {
    "target", "configuration", "effective configuration", "baseline", "space", "switch", "lane", "window", "round",
    "duel", "trial", "candidate", "final", "finalist", "sitting", "verdict", "drop-in", "standing", "front", "notice",
    "setting", "outcome", "result", "advice", "fleet", "blob",
}  # fmt: skip

RECIPES = [
    "Add an axis",
    "Add an export",
    "Add a plot",
    "Add a device kind",
    "Add an objective",
    "Add a storage",
]


# README


def test_the_readme_is_short():
    assert len(README.read_text().split()) <= 1000
    assert [line for line in README.read_text().splitlines() if len(line) > 120] == []


def test_the_readme_shows_pictures_and_then_its_sections_in_order():
    before, *_ = README.read_text().partition("\n## ")
    assert re.findall(r"\]\((docs/pictures/.*?)\)", before) == [
        "docs/pictures/session.svg",
        "docs/pictures/report.png",
    ]
    assert re.findall(r"^## (.+)$", README.read_text(), re.M) == SECTIONS


def test_the_readme_installs_with_three_commands_and_begins_with_a_search_that_needs_no_model():
    install = [words for words in commands(README) if words[0] != "tuner"]
    assert install == [["pip", "install", "."], ["make", "demo"], ["make", "test"]]
    first, second, *_ = (words for words in commands(README) if words[0] == "tuner")
    assert first == ["tuner", "demo"]
    output = next(option for option in cli.commands["demo"].params if option.name == "output").default
    assert second == ["tuner", "search", str(output / "demo.xml")]


def test_the_picture_of_a_session_shows_a_published_search():
    session = (ROOT / pictures.STUDY / "session.txt").read_text()
    assert "".join(session.split()) in text_of(pictures.PICTURES / "session.svg")
    assert text_of(pictures.PICTURES / "session.svg").count("http") == 0


def test_the_readme_shows_a_few_lines_of_published_yaml():
    (shown,) = blocks(README, "yaml")
    assert len(shown.splitlines()) <= 15
    assert shown == pictures.short_yaml(ROOT / pictures.STUDY / "config.yaml")
    assert_fields(yaml.safe_load(shown), tuner.Advice)


def assert_fields(shown, record):
    """Check that a mapping has no field that a record has not, and look into its parts."""
    known = {field.name: field.type for field in msgspec.structs.fields(record)}
    assert set(shown) <= set(known)
    for key, value in shown.items():
        if isinstance(value, dict) and hasattr(known[key], "__struct_fields__"):
            assert_fields(value, known[key])


# Links and names


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page):
    for link in links(page):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_index():
    index = ROOT / "docs" / "index.md"
    assert {page.name for page in DOCS[1:]} - {"index.md"} <= set(links(index))
    assert "docs/index.md" in links(README)


@pytest.mark.parametrize("page", [*DOCS, ROOT / "CONTRIBUTING.md"], ids=name)
def test_every_file_option_and_command_that_is_named_exists(page):
    options = {
        word for command in [cli, *cli.commands.values()] for option in command.params for word in option.opts
    }
    for code in inline(page):
        if re.fullmatch(r"(tuner|tests)/[\w/.-]+", code):
            assert (ROOT / code).exists(), code
        if found := re.match(r"--[a-z-]+", code):
            assert found[0] in options, code
        if found := re.fullmatch(r"tuner ([a-z]+)( .*)?", code):
            assert found[1] in cli.commands, code


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        named = set(re.findall(r"`make ([a-z-]+)(?!\w)", page.read_text()))
        assert {target for target in named if not target.startswith("bench-")} <= targets
        assert {words[1] for words in commands(page) if words[0] == "make"} <= targets


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_alone_lists_its_targets():
    alone = {
        name: value for name, value in os.environ.items() if not name.startswith("MAKE")
    }  # not inside another
    listed = subprocess.run(["make"], cwd=ROOT, env=alone, capture_output=True, text=True, check=True).stdout
    described = re.findall(r"^([a-z%-]+):.*?  ## (.+)$", (ROOT / "Makefile").read_text(), re.M)
    assert [line.split(maxsplit=1) for line in listed.splitlines()] == [list(each) for each in described]
    assert {"help", "demo", "test", "check", "docs", "pictures"} <= {target for target, _ in described}


# What is made from the code


@pytest.mark.parametrize(
    ("page", "made"),
    [("cli", cli_reference), ("python", python_reference), ("properties", properties_reference)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_page_that_is_made_from_the_code_is_that_of_the_code(page, made):
    assert (ROOT / "docs" / f"{page}.md").read_text() == made.reference()


def test_the_evidence_is_drawn_from_its_files():
    assert (ROOT / "reports" / "evidence" / "README.md").read_text() == evidence.page()


def test_every_public_name_documents_itself_and_is_in_the_reference():
    headings = anchors(ROOT / "docs" / "python.md")
    for public in set(tuner.__all__) - {"__version__"}:
        value = getattr(tuner, public)
        assert value.__doc__
        is_error = inspect.isclass(value) and issubclass(value, tuner.TunerError)
        assert is_error or f"tuner{public.lower()}" in headings


# What is written by hand, and must be whole


def test_every_exception_and_exit_code_is_explained():
    table = rows(ROOT / "docs" / "errors.md")
    assert {"0", "1", "2", "3", "4"} <= set(table)
    raised = {
        each.__name__: each.exit_code
        for each in vars(errors).values()
        if inspect.isclass(each) and issubclass(each, errors.TunerError)
    }
    assert {cell: int(table[cell][0]) for cell in raised} == raised


def test_the_architecture_names_every_room_word_and_recipe():
    rooms = {path.parent.name for path in (ROOT / "tuner").glob("*/__init__.py")}
    assert rooms | GLOSSARY <= set(rows(ARCHITECTURE))
    assert re.findall(r"^### (.+)$", prose(ARCHITECTURE), re.M) == RECIPES


def test_every_name_in_the_architecture_is_in_the_source():
    source = "".join(path.read_text() for path in (ROOT / "tuner").rglob("*.py"))
    names = {code for code in inline(ARCHITECTURE) if re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", code)}
    assert [code for code in names if not re.search(rf"\b{code.rpartition('.')[2]}\b", source)] == []


def test_every_field_of_the_yaml_is_explained():
    assert set(tuner.Advice.__struct_fields__) <= set(rows(ROOT / "docs" / "applications.md"))


@pytest.mark.parametrize(
    "path", sorted(set(ROOT.glob("reports/*/config.yaml")) - {DEMO}), ids=lambda path: path.parent.name
)
def test_published_advice_can_be_loaded(path):
    (advice,) = read(path)
    assert advice.search.command.startswith("tuner search ")
    assert f"](./{path.parent.name}/config.yaml)" in (ROOT / "reports" / "README.md").read_text()


# Commands


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


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name)
def test_every_command_runs_or_where_it_would_measure_is_understood(page, place, capsys):
    for first, *words in commands(page):
        if first == "tuner" and words[0] in CHEAP | {"--help", "--version"}:
            assert main(words) == 0, (words, capsys.readouterr().err)
        elif first == "tuner":
            cli.commands[words[0]].make_context(words[0], words[1:])
        elif first == "python":
            assert words[0] == "-m"
            assert importlib.util.find_spec(words[1])
        else:
            assert first in {"make", "pip", "apt-get", "optuna-dashboard"}


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


# Python

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
