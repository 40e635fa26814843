"""What a reader of README.md sees first."""

import re

import msgspec
import yaml

import tuner
from tests.docs.documents import (
    ROOT,
    blocks,
    commands,
    text_of,
)
from tests.publishing import pictures
from tuner.cli.app import cli

README = ROOT / "README.md"


SECTIONS = ["Install", "A search", "In Python", "The file", "What it does not do", "Links"]


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
