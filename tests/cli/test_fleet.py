"""`tuner fleet` as a person or a script meets it."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

import tuner
from tests import models
from tests.cli.command import complain, run
from tests.commands.fleet.plans import TWO_MODELS, UNREADABLE, Searches, write
from tests.report.results import unmet, won
from tuner.cli import fleet_words
from tuner.cli.app import main
from tuner.cli.fleet import Lines, LiveTable, most_telling
from tuner.commands.fleet.pairs import Pair
from tuner.commands.fleet.states import PairState, after
from tuner.domain.result import Notice
from tuner.tuning.progress import Warned

ONE_REAL = """\
defaults: {budget: 2s, trials: 1, batch: 2}
models:
  good: {model: good.xml}
  none: {model: none.xml}
"""


@pytest.mark.alone
def test_a_plan_is_searched_and_what_failed_is_tried_again_alone(tmp_path):
    models.mlp(tmp_path / "good.xml")
    (tmp_path / "none.xml").write_text("no model")
    (tmp_path / "plan.yaml").write_text(ONE_REAL)
    done = run("fleet", "plan.yaml", cwd=tmp_path)
    assert done.returncode == 3
    table = done.stdout.splitlines()
    assert table[0] == "1 of 2 pairs answered, 1 failed"
    assert table[1].split()[0] == "good"
    assert table[2].split()[:2] == ["none", "failed"]
    assert "  report   reports/plan/index.html" in table
    assert "  advice   reports/plan/good/throughput/config.yaml" in table
    assert "searching good, throughput, here: up to 2 s" in done.stderr.splitlines()
    assert "\x1b" not in done.stderr + done.stdout
    folder = tmp_path / "reports" / "plan" / "good" / "throughput"
    advice = tuner.load(folder)
    assert advice.search.command.startswith("tuner.search('good.xml', budget='2s', trials=1, batch=[2], ")
    assert (folder / "here" / "report.html").is_file()

    again = run("fleet", "plan.yaml", "--json", "-q", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (3, "")
    good, none = json.loads(again.stdout)["pairs"]
    assert (good["stage"], good["known"], good["advice"]["search"]["date"]) == (
        "answered",
        True,
        advice.search.date,
    )
    assert none["stage"] == "failed"
    assert "none.xml" in none["reason"]


def test_everything_that_is_wrong_is_a_line_each_and_wrong_use(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, TWO_MODELS.replace("large.xml", "lrge.xml").replace("rate: 10", "rates: 10"))
    assert main(["fleet", "plan.yaml"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "tuner: plan.yaml:4: models.large.model: 'lrge.xml' is not there, or no model; give an IR (.xml), ONNX or "
        "other model file.",
        "tuner: plan.yaml:7: questions.calm.rates: unknown field `rates`, the nearest one is `rate`.",
    ]
    assert not (tmp_path / "reports").exists()
    code, sentence = complain(capsys, "fleet", "no.yaml")
    assert (code, sentence) == (
        2, "tuner: 'no.yaml' cannot be read (No such file or directory); give the path of a plan, docs/fleet.md shows "
        "one.\n",
    )  # fmt: skip


def test_a_dry_run_reads_the_models_lists_the_pairs_and_writes_nothing(tmp_path, capsys):
    plan = write(tmp_path, TWO_MODELS)
    models.mlp(tmp_path / "small.xml")
    models.embedding(tmp_path / "large.xml", shape=(1, -1))
    assert main(["fleet", str(plan), "--dry-run"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"tuner: {plan}:4: models.large: Input 'ids' [1,?] has a dynamic shape; say what to measure, for example with "
        "shapes: {'ids': [1, 128]}.",
    ]
    plan.write_text(TWO_MODELS.replace("large.xml,", "large.xml, shapes: {ids: [1, 8]},"))
    assert main(["fleet", str(plan), "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "0 of 4 pairs answered, 4 waiting; up to 12 minutes left",
        "  small  fast  waiting        up to 60 s",
        "  small  calm  waiting        up to 60 s",
        "  large  fast  waiting        up to 5 minutes",
        "  large  calm  waiting        up to 5 minutes",
    ]
    assert not (tmp_path / "reports").exists()
    assert main(["fleet", str(plan), "--dry-run", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["pairs"]) == 4


def test_the_answer_is_a_table_with_the_reasons_of_failures_below(tmp_path, capsys, monkeypatch):
    searches = Searches(large=UNREADABLE)
    monkeypatch.setattr("tuner.commands.fleet.fleet.search_pair", searches)
    plan = write(tmp_path, TWO_MODELS)
    assert main(["fleet", str(plan)]) == 3
    captured = capsys.readouterr()
    out = tmp_path / "reports" / "plan"
    assert captured.out.splitlines() == [
        "2 of 4 pairs answered, 2 failed",
        "  small  fast  +5.7 %         7 streams, batch 4, 4 requests",
        "  small  calm  +5.7 %         7 streams, batch 4, 4 requests",
        "  large  fast  failed",
        "  large  calm  failed",
        "  failed   large, fast, here; large, calm, here: The model 'large.xml' cannot be read; give shapes: "
        "{'ids': [1, 128]}.",
        f"  report   {out}/index.html",
        f"  advice   {out}/<model>/<question>/config.yaml",
    ]
    assert captured.err.splitlines()[:2] == [
        "searching large, fast, here: up to 5 minutes",
        "failed large, fast, here: The model 'large.xml' cannot be read; give shapes: {'ids': [1, 128]}.",
    ]


def pair(model="resnet", question="fast", kind="epyc", budget="60s"):
    folder = Path("out") / model / question / kind
    return Pair(model, question, kind, Path(f"{model}.xml"), folder, {"budget": budget})


SEARCHING = PairState(pair(), "searching", "trying 4 streams, batch 8, 16 requests", "+5.3 %", 41.2, True)


@pytest.mark.parametrize(("width", "end"), [(80, "batch 8, 16 re…"), (140, "batch 8, 16 requests")])
def test_a_row_says_what_goes_on_and_fits_the_width(width, end):
    ((line, style),) = fleet_words.rows([SEARCHING], width)
    assert line.startswith("resnet  searching      41 s left, best +5.3 %, trying 4 streams, ")
    assert len(line) <= width
    assert line.endswith(end)
    assert style == "bold"


def test_the_time_of_a_search_that_waits_for_a_host_stands_still():
    waits = replace(SEARCHING, doing="waiting for a host", best="", is_timed=False)
    assert fleet_words.detail(waits) == "waiting for a host"
    assert fleet_words.left([waits]) == "up to 41 s left"
    table = LiveTable(Console(file=io.StringIO(), width=80))
    table._states = {state.pair.folder: (state, 0.0) for state in (waits,)}
    assert "up to 41 s left" in str(table._drawn().renderables[-1])
    table._states = {SEARCHING.pair.folder: (SEARCHING, 0.0)}
    assert "up to 0 s left" in str(table._drawn().renderables[-1])


def test_names_are_columns_of_which_the_plan_has_several():
    states = [SEARCHING, PairState(pair("m" * 20 + "n" * 20, kind="xeon"))]
    first, second = (line for line, _ in fleet_words.rows(states, 120))
    assert first.startswith(f"{'resnet':32}  epyc  searching")
    assert second.startswith(f"{'m' * 16}…{'n' * 15}  xeon  waiting")


def test_the_time_left_is_that_of_the_kind_with_most_of_it():
    states = [SEARCHING, PairState(pair("b"), left_s=60.0), PairState(pair("b", kind="xeon"), left_s=90.0)]
    assert fleet_words.left(states) == "up to 101 s left"
    assert fleet_words.left([replace(SEARCHING, stage="answered", result=won())]) == ""
    assert [fleet_words.span(seconds) for seconds in (60, 121, 9000)] == ["60 s", "3 minutes", "2.5 hours"]


def test_colours_and_words_tell_what_came_of_a_pair():
    def row(result):
        ((line, style),) = fleet_words.rows([PairState(pair(), "answered", result=result, is_known=True)])
        return line.split("  ")[1], style

    assert row(won()) == ("+5.7 %", "green")
    assert row(unmet()) == ("no limit kept", "red")
    assert "(known)" in fleet_words.detail(PairState(pair(), "answered", result=won(), is_known=True))


def test_of_many_pairs_those_are_shown_that_tell_most():
    states = [PairState(pair(f"m{at}", budget=f"{at + 1}s"), "answered", result=won()) for at in range(20)]
    states += [PairState(pair(f"w{at}", budget=f"{at + 1}s")) for at in range(20)]
    states += [SEARCHING, PairState(pair("f"), "failed")]
    shown = [state.pair.model for state in most_telling(states, 6)]
    assert shown == ["m0", "m1", "w18", "w19", "resnet", "f"]
    assert most_telling(states, 100) == states


def seen(console):
    return Text.from_ansi(console.file.getvalue().replace("\r", "\n")).plain


def test_a_terminal_shows_the_table_and_keeps_only_failures():
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24, legacy_windows=False)
    table = LiveTable(console)
    table(PairState(pair("bert"), left_s=60.0))
    table(SEARCHING)
    table._view.refresh()
    table(PairState(pair("gone"), "failed", "it is \x1b[31m not there"))
    table.close()
    assert "resnet  searching      41 s left" in seen(console)
    assert "0 of 2 pairs answered, 1 running, 1 waiting; up to" in seen(console)
    assert "failed gone, fast, epyc: it is \\x1b[31m not there" in seen(console)


def test_what_happens_to_hosts_and_to_the_storage_is_said_once():
    lost = after(SEARCHING, Warned(Notice("host-lost", "vm (1a): it is left out; 1 host left.")))
    assert after(lost, Warned(Notice("noisy-host", "It was noisy."))) == lost  # that is on its page
    both = after(lost, Warned(Notice("storage", "The server is away.")))
    console = Console(file=io.StringIO(), width=100)
    lines = Lines(console)
    for state in (PairState(pair()), lost, lost, both):
        lines(state)
    assert console.file.getvalue().splitlines() == [
        "warning: resnet, fast, epyc: vm (1a): it is left out; 1 host left.",
        "searching resnet, fast, epyc: up to 60 s",
        "warning: resnet, fast, epyc: The server is away.",
    ]
    console = Console(file=io.StringIO(), force_terminal=True, width=100, legacy_windows=False)
    table = LiveTable(console)
    table(both)
    table.close()
    assert "warning: resnet, fast, epyc: The server is away." in seen(console)
    (document,) = fleet_words.document([both])["pairs"]
    assert document["warnings"] == ["vm (1a): it is left out; 1 host left.", "The server is away."]


def test_a_log_has_a_line_for_each_beginning_and_end_and_survives_its_reader():
    console = Console(file=io.StringIO(), width=80)
    lines = Lines(console)
    for state in (
        PairState(pair()),
        SEARCHING,
        replace(SEARCHING, doing="final"),
        replace(SEARCHING, stage="stopped", doing="stopped by the user"),
        PairState(pair("known"), "answered", result=won(), is_known=True),
    ):
        lines(state)
    assert console.file.getvalue().splitlines() == [
        "searching resnet, fast, epyc: up to 60 s",
        "stopped resnet, fast, epyc: stopped by the user",
    ]
