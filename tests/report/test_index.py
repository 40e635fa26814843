"""The index of a fleet: verdicts and gains with links, and nothing in a name acts."""

import re

from tests.commands.fleet.plans import TWO_MODELS, UNREADABLE, Searches, write
from tests.report.results import HOSTILE, interrupted, met, searched, unmet, won
from tuner.commands.fleet.fleet import fleet
from tuner.report.index import Cell, IndexView, ModelRow, QuestionTable, index_page


def cells(page):
    """Return the class and the text of each cell."""
    found = re.findall(r'<td class="([^"]*)".*?>(.*?)</td>', page, re.S)
    return [(name, " ".join(re.sub(r"<[^>]*>", " ", text).split())) for name, text in found]


def test_the_index_has_a_table_for_each_question_that_leads_to_the_pages(tmp_path, monkeypatch):
    monkeypatch.setattr("tuner.commands.fleet.fleet.search_pair", Searches(large=UNREADABLE))
    plan = write(tmp_path, TWO_MODELS.replace("small:", "'café 1':".replace(" ", "_")))
    page = fleet(plan).index.read_text()
    assert "<h1>plan.yaml</h1>" in page
    assert "2 of 4 pairs answered, 2 failed" in page
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["fast", "calm"]
    assert "Question: CPU time of an item at 10 items/s" in page
    assert re.findall(r'href="([^"]*html)"', page) == [
        "caf%C3%A9_1/fast/here/report.html",
        "caf%C3%A9_1/calm/here/report.html",
    ]
    assert 'href="caf%C3%A9_1/fast/config.yaml"' in page
    assert cells(page)[0] == ("faster", "+5.7 % faster, +3.6 to +7.8 % 7 streams, batch 4, 4 requests")
    assert cells(page)[1][0] == "failed"
    assert cells(page)[1][1].startswith("failed The model &#39;large.xml&#39; cannot be read")


def test_each_verdict_has_its_words(tmp_path, monkeypatch):
    results = {"a": won(), "b": met(), "c": unmet(), "d": interrupted(), "e": searched()}
    monkeypatch.setattr("tuner.commands.fleet.fleet.search_pair", Searches(**results))
    models = [
        "a: {model: m.xml}",
        "b: {model: m.xml, max_latency: 0.7ms}",
        "c: {model: m.xml, max_latency: 0.2ms}",
    ]
    models += ["d: {model: m.xml}", "e: {model: m.xml}"]
    page = fleet(write(tmp_path, f"models: {{{', '.join(models)}}}", "m")).index.read_text()
    found = [(name, text.split("  ")[0]) for name, text in cells(page)]
    assert [name for name, _ in found][:4] == ["faster", "meets_limits", found[2][0], "stopped"]
    assert found[2][0].endswith(" unmet")
    assert found[2][1].startswith("no limit kept")
    assert found[4][0] == "waiting"


def test_names_are_escaped_and_what_the_plan_does_not_ask_is_said():
    cell = Cell("failed", False, HOSTILE, "", HOSTILE, HOSTILE, "")
    table = QuestionTable(HOSTILE, HOSTILE, HOSTILE, [ModelRow(HOSTILE, "", [cell, None])])
    page = index_page(IndexView(HOSTILE, "", [(HOSTILE, HOSTILE), ("b", "")], [table]))
    assert "<script>" not in page
    assert "\u202e" not in page
    assert "not in the plan" in page
