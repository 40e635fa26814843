"""Figures read alike wherever they are written: terminal, YAML, Markdown, page and plots."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

import tuner.report
from tests.report.results import data_of, searched, several, view_of, won
from tuner.advice.writer import make_advice, write_advice
from tuner.cli import answers
from tuner.domain.figures import gain, gain_tick, interval
from tuner.report.page import page
from tuner.report.plots.draw import draw
from tuner.report.plots.style import gain_words
from tuner.report.text import as_csv, as_markdown

OWN_FORMAT = re.compile(r":[+,]*\.\d+[fg%]|:g\}|%\.\d+[fg]")
GAIN = re.compile(r"[+-][\d,.]+ %|[\d,.]+ times")


@pytest.mark.parametrize("ratio", [0.97, 1.0571, 2.079, 8.2])
def test_the_same_gain_reads_alike_everywhere(ratio, tmp_path):
    result = won(ratio=ratio)
    view = view_of(result)
    write_advice(make_advice(result), tmp_path / "config.yaml")
    yaml = (tmp_path / "config.yaml").read_text()
    terminal = "\n".join(answers.summary(result, tmp_path / "config.yaml", tmp_path / "study.db"))
    html = unescape(re.sub(r"<script.*?</script>", "", page([view]), flags=re.S))
    ends = interval(0.98 * ratio, 1.02 * ratio)
    for text in (terminal, as_markdown([view]), html):
        assert ends in text
        assert view.answer in text
    for text in (view.headline, as_markdown([view]), html):
        assert gain(ratio) in text
    comments = " ".join(re.findall(r"#.*", yaml))
    assert set(GAIN.findall(comments)) <= {gain(ratio)}
    assert f"ratio: {ratio}" in yaml, "the YAML is for programs"


def test_the_terminal_says_the_price_as_the_page_does(tmp_path):
    result = won(ratio=1.0571, latency=7.6, memory=1.1)
    lines = list(answers.summary(result, tmp_path / "config.yaml", tmp_path / "study.db"))
    price = "p99 7.6 times as long, memory +10.0 %"
    assert f"  price    {price} (a high price for a gain below 10 %)" in lines
    assert f"throughput +5.7 %, {price}" in page([view_of(result)])
    assert f"throughput +5.7 %, {price} (a high price for a gain below 10 %)" in as_markdown(
        [view_of(result)]
    )


def test_rounds_that_were_played_again_are_said_everywhere(tmp_path):
    result = won()
    final, paths = result.final, (tmp_path / "config.yaml", tmp_path / "study.db")
    assert "played again" not in "\n".join([*answers.summary(result, *paths), page([view_of(result)])])
    result = replace(result, final=replace(final, unsteady=7))
    rounds = 7 + len(final.rounds) + sum(len(trial.rounds) for trial in result.trials)
    said = f"7 of {rounds} were played again, because the host changed its speed in them"
    assert f"  rounds   {said}" in answers.summary(result, *paths)
    assert f"- rounds: {said}" in as_markdown([view_of(result)])
    assert said in page([view_of(result)])
    assert json.loads(json.dumps(data_of(view_of(result))))["studies"][0]["played_again"] == said


def test_files_for_programs_keep_ratios(tmp_path):
    view = view_of(won())
    assert "%" not in as_csv([view])
    studies = json.loads(json.dumps(data_of(view)))["studies"]
    assert studies[0]["advice"]["ratio"] == 1.0571
    assert f",{view.rows[1].ratio!r}," in as_csv([view])


def test_axes_of_gains_are_labelled_as_gains():
    figures = draw(view_of(several())) | {"importance": draw(view_of(searched()))["importance"]}
    axes = {
        "final": "xaxis", "curves0": "yaxis", "drift": "yaxis", "rounds": "yaxis", "targets": "yaxis",
    }  # fmt: skip
    for name, axis in axes.items():
        shown = figures[name].layout[axis]
        assert list(shown.ticktext) == [gain_tick(tick) for tick in shown.tickvals], name
        assert 1.0 in shown.tickvals, name
    assert all(label.endswith(" %") for label in figures["importance"].layout.xaxis.ticktext)


def test_hovers_say_gains_as_the_tables_do():
    view = view_of(several())
    figures = draw(view)
    ratios = next(iter(view.final_rounds.values()))
    assert list(figures["rounds"].data[0].customdata) == [gain(ratio) for ratio in ratios]
    for number, curves in enumerate(view.curves.values()):
        drawn = [trace for trace in figures[f"curves{number}"].data if trace.mode == "markers"]
        for trace, curve in zip(drawn, curves, strict=True):
            assert [words[1] for words in trace.customdata] == [
                gain_words(point.ratio) for point in curve.points
            ]
    for row, hover in zip(view.targets, figures["targets"].data[0].customdata, strict=True):
        assert row.ratio == row.low == row.high or f"over the hint: {gain(row.ratio)}" in hover[1]


def test_no_file_of_the_report_formats_a_figure_by_itself():
    room = Path(tuner.report.__file__).parent
    files = [*room.rglob("*.py"), *room.rglob("*.j2")]
    assert len(files) > 10
    found = {
        f"{path.name}: {line.strip()}"
        for path in files
        for line in re.sub(r"<(style|script).*?</\1>", "", path.read_text(), flags=re.S).splitlines()
        if OWN_FORMAT.search(line)
    }
    assert found == set()
