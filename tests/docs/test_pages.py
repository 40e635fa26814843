"""What the documents say is what the code does."""

import inspect
import os
import re
import shutil
import subprocess

import pytest

import tuner
from tests.docs.documents import (
    DOCS,
    PAGES,
    ROOT,
    anchors,
    commands,
    inline,
    links,
    name,
    prose,
    rows,
)
from tests.publishing import about_scale, cli_reference, properties_reference, python_reference
from tests.publishing import page as evidence
from tuner import errors
from tuner.advice.loader import read
from tuner.cli.app import cli

README = ROOT / "README.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DEMO = ROOT / "reports" / "demo" / "config.yaml"
"""What `make demo` leaves: not published."""


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
    assert (ROOT / "reports" / "evidence" / "scale.md").read_text() == about_scale.page()


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
