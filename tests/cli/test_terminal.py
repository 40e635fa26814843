"""What a search shows while it runs: the words, the bar, and that nothing stays behind."""

import io
import os
from contextlib import suppress
from dataclasses import replace

import pytest
from rich.console import Console
from rich.text import Text

import tuner
from tests.advice.advice_of import with_outcome
from tests.domain.test_verdict import final_of
from tests.report.results import loaded, won
from tests.simulation import simulate
from tests.tuning.test_final import trial as trial_of
from tuner.cli import answers, words
from tuner.cli.app import main
from tuner.cli.program import LABEL, folded
from tuner.cli.screens import LastingConsole, LineScreen, LiveScreen, LiveView
from tuner.cli.spelling import with_dashes
from tuner.cli.terminal import Narrator, narrator
from tuner.domain.agreement import Agreement
from tuner.domain.configuration import Configuration
from tuner.domain.result import Notice
from tuner.domain.trial import Trial
from tuner.domain.verdict import decide
from tuner.tuning.progress import (
    Ended,
    Extended,
    FinalBegan,
    Started,
    Step,
    TrialBegan,
    TrialEnded,
    Warned,
    ending,
)

COMBINATION = Configuration.of(
    "AUTO:EMU,CPU",
    {
        "PERFORMANCE_HINT": "CUMULATIVE_THROUGHPUT",
        "DEVICE_PROPERTIES": {
            "EMU": {"NUM_STREAMS": 2, "INFERENCE_NUM_THREADS": 2},
            "CPU": {"NUM_STREAMS": 4, "ENABLE_CPU_PINNING": False},
        },
    },
    16,
    12,
)


class FakeScreen:
    """Keeps what it is given."""

    def __init__(self):
        self.lines, self.now, self.seconds, self.closed = [], [], None, False

    def say(self, line, style=""):
        self.lines.append(line)

    def status(self, *lines):
        self.now.append(lines)

    def count_down(self, seconds):
        self.seconds = seconds

    def close(self):
        self.closed = True


def terminal(width=80):
    return Console(file=io.StringIO(), force_terminal=True, width=width, legacy_windows=False)


def seen(console):
    return Text.from_ansi(console.file.getvalue().replace("\r", "\n")).plain


def drawn(view, console):
    with console.capture() as capture:
        console.print(view.get_renderable())
    return Text.from_ansi(capture.get()).plain.splitlines()


@pytest.mark.parametrize("width", [80, 140])
def test_the_bar_grows_and_the_seconds_fall_while_nothing_happens(width):
    console, clock = terminal(width), [100.0]
    view = LiveView(console, lambda: clock[0])
    view.lines = ("measuring the hint",)
    view.add_task("", total=60.0)
    bars = []
    for left in (60, 45, 30, 15):
        clock[0] = 160.0 - left
        bar, doing = drawn(view, console)
        assert bar.endswith(f" {left} s left")
        assert len(bar) == width
        assert doing.strip() == "measuring the hint"
        bars.append(view.tasks[0].percentage)
    assert bars == [0, 25, 50, 75]
    clock[0] = 170.0
    assert drawn(view, console)[0].endswith("finishing")


def test_a_status_takes_one_line_whatever_it_says():
    console = terminal()
    view = LiveView(console)
    view.lines = (f"trying {COMBINATION}",)
    (line,) = drawn(view, console)
    assert len(line.rstrip()) == 80 - len("^C^C^C^C")
    assert line.rstrip().endswith("…")


def test_a_live_view_is_there_from_the_first_step_and_gone_at_the_end():
    console = terminal()
    show = Narrator(LiveScreen(console), verbose=False)
    show(Step("loading OpenVINO"))
    assert "loading OpenVINO" in seen(console)
    show(Started(60.0))
    show(Ended())
    assert console.file.getvalue().endswith("\x1b[2K")  # the last thing is to erase a line
    show(Ended())


def test_an_exception_takes_the_live_view_away(monkeypatch):
    screen = FakeScreen()
    monkeypatch.setattr("tuner.cli.terminal._screen", lambda: screen)
    with pytest.raises(KeyboardInterrupt), narrator(quiet=False, verbose=False):
        raise KeyboardInterrupt
    assert screen.closed


@pytest.mark.parametrize("live", [False, True])
def test_a_search_goes_on_when_nobody_reads_its_lines_any_more(live):
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", buffering=1) as closed:  # noqa: PTH123
        console = LastingConsole(file=closed, force_terminal=live)
        show = Narrator((LiveScreen if live else LineScreen)(console), verbose=False)
        with ending(show):
            show(Started(60.0))
            found = simulate(tell=show)
        with suppress(BrokenPipeError):
            closed.close()
    assert found.final


def test_a_search_shows_each_step_until_its_end():
    screen = FakeScreen()
    show = Narrator(screen, verbose=False)
    with ending(show):
        show(Started(60.0))
        found = simulate(tell=show)
    doing = [now[0] for now in screen.now]
    assert screen.seconds == 60.0
    assert sum(line.startswith("trying ") for line in doing) == len(found.trials) - 1
    assert doing[-1] == f"final: round {len(found.final.rounds)}"
    assert screen.now[0][1] == "best so far: the hint"
    assert screen.now[-1][1].startswith("best so far: +")
    assert screen.closed


def test_a_search_that_fails_ends_its_events_too(tmp_path):
    events = []
    with pytest.raises(tuner.ModelError):
        tuner.search(tmp_path / "none.xml", observer=events.append, output=tmp_path / "out")
    assert events == [Step("reading the model"), Ended()]


def test_a_python_caller_reads_parameters_and_the_command_line_options():
    warned = Warned(Notice("short", "Too short; give it a larger budget=."))
    for reword, ending_ in ((str, "budget=."), (with_dashes, "--budget.")):
        screen = FakeScreen()
        Narrator(screen, verbose=False, reword=reword)(warned)
        assert screen.lines == [f"warning: Too short; give it a larger {ending_}"]


@pytest.mark.parametrize("width", [80, 140])
def test_no_word_is_cut_at_the_edge_of_a_terminal(width):
    console = terminal(width)
    failed = Trial(7, COMBINATION, "failed", reason="compiling for EMU fails: " + "out of memory, " * 9)
    measured = next(trial for trial in simulate().trials[1:] if trial.state == "measured")
    show = Narrator(LiveScreen(console), verbose=True)
    for trial in (failed, measured):
        show(TrialBegan(trial.configuration, 30.0))
        show(TrialEnded(trial, measured, 30.0))
    show(Ended())
    lines = [line for line in seen(console).splitlines() if "trying" not in line and "…" not in line]
    assert max(map(len, lines)) <= width
    shown = " ".join(lines).split()
    asked = " ".join((*words.trial_lines(failed, None), *words.trial_lines(measured, measured))).split()
    assert set(asked) <= set(shown)


def test_what_is_folded_goes_on_under_its_own_text():
    line = f"  best     {COMBINATION}: 311 items/s, p99 41.2 ms, 135 MiB"
    first, *more = folded(line, 80).splitlines()
    assert first.startswith("  best     AUTO")
    assert all(each.startswith(" " * 11) and each[11] != " " for each in more)
    path = "/" + "x" * 100
    assert path in folded(f"  config   {path}", 80)  # can be copied


def test_a_refused_trial_names_the_option_that_it_breaks_and_nothing_else_is_reworded():
    screen = FakeScreen()
    show = Narrator(screen, verbose=False, reword=with_dashes)
    for state, why in (
        ("refused", "differs from f32 by 4 %, more than max_error=1 %"),
        ("failed", "batch=4"),
    ):
        show(TrialEnded(Trial(7, COMBINATION, state, reason=why), None, 30.0))
    _, refused, _, failed = screen.lines
    assert refused.strip() == "refused: differs from f32 by 4 %, more than --max-error 1 %"
    assert failed.strip() == "failed: batch=4"


def test_a_log_keeps_its_lines_whole():
    console = Console(file=io.StringIO(), width=80)
    Narrator(LineScreen(console), verbose=False)(
        TrialEnded(Trial(7, COMBINATION, "failed", reason="no " * 50), None, 30.0)
    )
    assert console.file.getvalue().count("\n") == 2  # the name has a line of its own


def test_the_story_says_who_is_in_the_final_and_why_the_best_so_far_is_not():
    leader = next(trial for trial in simulate().trials[1:] if trial.state == "measured")
    screen = FakeScreen()
    Narrator(screen, verbose=False)(FinalBegan((COMBINATION,), 9.0, leader))
    *_, final, left_out = screen.lines
    assert final == f"final: the hint against {COMBINATION}"
    assert left_out.startswith(f"left out of the final: {leader.configuration} (")
    assert "too short for it" in left_out


def test_a_search_that_goes_on_says_why_and_for_how_long():
    screen = FakeScreen()
    Narrator(screen, verbose=False)(Extended("9 of 63 configurations were measured", 34.8))
    assert screen.lines == ["open: 9 of 63 configurations were measured; going on for 34.8 s"]


def test_less_time_for_an_open_answer_than_the_budget_is_refused(tmp_path, capsys):
    assert main(["search", str(tmp_path / "m.xml"), "--budget", "60s", "--up-to", "5s"]) == 2
    assert "--up-to 5s is less than --budget 60s; give more, or leave it out." in capsys.readouterr().err
    assert main(["search", str(tmp_path / "m.xml"), "--up-to", "soon"]) == 2
    assert "--up-to 'soon' is not a duration" in capsys.readouterr().err


def test_the_command_alone_prints_its_help_line_by_line(capsys):
    assert main([]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "Usage: tuner [OPTIONS] COMMAND [ARGS]..."
    assert any(line.startswith("  search ") for line in shown)
    assert max(map(len, shown)) <= 100


def test_under_a_load_the_summary_names_the_load_and_which_hint_was_better(tmp_path):
    said = list(answers.summary(loaded(), tmp_path / "c", tmp_path / "s"))
    assert "  load     60 items/s" in said
    (hint,) = (line for line in said if line.startswith("  hint "))
    assert hint.endswith((" MiB (PERFORMANCE_HINT=THROUGHPUT)", " MiB (PERFORMANCE_HINT=LATENCY)"))
    assert not any("PERFORMANCE_HINT" in line for line in answers.summary(won(), tmp_path, tmp_path))


def test_every_label_of_the_summary_leaves_its_text_in_the_same_column(tmp_path):
    agreement = Agreement("f32", 0.0, 1.0, None, 8)
    result = won()
    hint, best = (
        replace(each, measured=replace(each.measured, agreement=agreement))
        for each in (result.baseline, result.verdict.best)
    )
    told = with_outcome(result, baseline=hint, verdict=replace(result.verdict, best=best))
    said = list(answers.summary(told, tmp_path / "c", tmp_path / "s"))
    assert any(line.startswith("  outputs  f32, as with the hint: max error 0 %") for line in said)
    assert all(LABEL.match(line).end() == 11 for line in said[1:] if "switches around" not in line)


@pytest.mark.parametrize(("slower", "lines"), [(1.0, 1), (0.9, 0)])
def test_a_best_so_far_that_is_tied_with_what_is_advised_is_explained(tmp_path, slower, lines):
    hint, simple, leader = trial_of(0, 1, 1.0), trial_of(1, 8, 1.5), trial_of(2, 32, 1.6)
    final = final_of({simple.configuration: 1.5, leader.configuration: 1.5 * slower})
    verdict = decide(final)
    assert verdict.best.configuration == simple.configuration
    result = replace(won(), trials=[hint, simple, leader], final=final)
    said = answers.summary(with_outcome(result, verdict=verdict), tmp_path / "c", tmp_path / "s")
    tied = [line for line in said if line.startswith("  tied")]
    told = f"  tied     {leader.configuration}: not clearly faster, so the simpler one is advised"
    assert tied == [told] * lines
