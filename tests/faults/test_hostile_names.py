"""Names that come from outside: whatever is in them, a terminal shows it and does not act on it."""

import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

import tuner
from tests import models
from tests.advice.advice_of import advice_of, on
from tests.cli.command import run
from tests.simulation import simulate
from tuner.advice.export import EXPORTS
from tuner.advice.writer import write_advice
from tuner.cli import app
from tuner.cli.program import print_lines
from tuner.cli.screens import LineScreen, LiveScreen
from tuner.cli.terminal import Narrator
from tuner.domain.configuration import Configuration
from tuner.domain.result import Notice
from tuner.domain.trial import Trial
from tuner.domain.visible import as_line
from tuner.tuning.progress import Ended, Step, TrialEnded, Waiting, Warned

EVIL = "m\x1b]0;owned\x07\n  config   /elsewhere\r\x9b31m\u202e"
"""Sets a terminal's title, adds a line that looks like ours, colours and reverses the text."""

SHOWN = r"m\x1b]0;owned\x07\n  config   /elsewhere\r\x9b31m\u202e"


def acts(text: str) -> bool:
    """Whether a terminal would do something else than show the text and break its lines."""
    return any(not line.isprintable() for line in text.split("\n"))


def test_a_line_shows_what_is_in_it_and_plain_text_as_it_is():
    assert as_line(EVIL) == SHOWN
    assert as_line("é  [bold]\t") == r"é  [bold]\t"
    assert as_line("caf\udce9") == r"caf\udce9"


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", f"{EVIL}.xml"],
        ["search", f"{EVIL}/"],
        ["search", "MODEL", "--device", EVIL],
        ["search", "MODEL", "--budget", EVIL],
        ["search", "MODEL", "--input", f"{EVIL}=x"],
        ["search", "MODEL", "--shape", f"{EVIL}[1]"],
        ["search", "MODEL", "--plugins", EVIL],
        ["verify", EVIL],
        ["export", EVIL, "--to", "json"],
        ["export", "x", "--to", EVIL],
        ["merge", EVIL, "-o", "x"],
        ["report", EVIL],
        ["devices", "--plugins", EVIL],
        [EVIL],
    ],
)
def test_every_complaint_is_one_line_that_does_nothing(capsys, monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    model = str(models.mlp(tmp_path / "m.xml"))
    assert app.main([model if word == "MODEL" else word for word in arguments]) in (2, 3)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert not acts(captured.err)
    assert r"\x1b]0" in captured.err
    if arguments[0] != "report":  # which shows no more of a name than can be no password
        assert r"\x1b]0;owned\x07\n  config" in captured.err


def test_choices_of_an_option_are_listed_in_one_line(capsys):
    assert app.main(["export", "x"]) == 2
    assert "Missing option '--to'. Choose from: " in (told := capsys.readouterr().err)
    assert "\\" not in told


def story():
    """Events with hostile names of devices, reasons, holders and warnings."""
    configuration = Configuration.of(EVIL, {}, 1, 1)
    return [
        Step(f"reading {EVIL}"),
        Waiting(EVIL),
        Warned(Notice("x", EVIL)),
        TrialEnded(Trial(1, configuration, "failed", reason=EVIL), None, 9.0),
        TrialEnded(simulate().trials[1], None, 9.0),
    ]


def test_the_story_of_a_search_does_nothing_to_a_log_or_a_terminal():
    log = Console(file=io.StringIO(), width=200)
    live = Console(file=io.StringIO(), width=400, force_terminal=True, color_system=None)
    for screen in (LineScreen(log), LiveScreen(live)):
        show = Narrator(screen, verbose=True)
        for event in story():
            show(event)
        show(Ended())
    assert not acts(log.file.getvalue())
    assert log.file.getvalue().count(SHOWN) == 4
    drawn = live.file.getvalue()
    assert "\x1b]0;" not in drawn
    assert "\x9b" not in drawn
    assert "\u202e" not in drawn
    assert drawn.count(SHOWN) >= 4


def test_results_on_standard_output_do_nothing(capsys, tmp_path):
    advice = advice_of(models.mlp(tmp_path / f"{EVIL.replace('/', '')}.xml"))
    for number in (1, 2):
        write_advice(on(advice, cpu=EVIL, cores=number), tmp_path / f"{number}.yaml")
    assert (
        app.main(
            ["merge", str(tmp_path / "1.yaml"), str(tmp_path / "2.yaml"), "-o", str(tmp_path / EVIL[:9])]
        )
        == 0
    )
    for program in ("python", "cpp", "json", "ovms", "benchmark_app"):
        assert app.main(["export", str(tmp_path / "1.yaml"), "--to", program]) == 0
    print_lines([EVIL])
    captured = capsys.readouterr()
    assert "owned" in captured.out
    assert not acts(captured.out)
    assert not acts(captured.err)


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash")
def test_the_command_for_benchmark_app_reads_as_the_same_words_in_a_shell(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"))
    for name in (EVIL, "it's \x1b \\ é.xml", "caf\udce9.xml", "plain.xml"):
        changed = msgspec.structs.replace(advice, model=msgspec.structs.replace(advice.model, path=name))
        export = EXPORTS["benchmark_app"](changed)
        command = f"printf '%s\\0' {export.line('file.json')}"
        printed = subprocess.run(["/bin/bash", "-c", command], capture_output=True, check=True).stdout
        words = [os.fsdecode(word) for word in printed.split(b"\0")[:-1]]
        assert words == [word.replace("{file}", "file.json") for word in export.command]


def test_a_model_whose_name_is_no_utf_8_is_refused_at_once_and_blamed_itself(tmp_path):
    path = os.fsencode(models.mlp(tmp_path / "m.xml")).replace(b"m.xml", b"caf\xe9.xml")
    (tmp_path / "m.xml").rename(os.fsdecode(path))
    write_advice(advice_of(models.mlp(tmp_path / "m.xml")), tmp_path / "config.yaml")
    for arguments in (
        [b"search", path],
        *(
            [b"export", b"config.yaml", b"--to", word, b"--model", path]
            for word in (b"python", b"benchmark_app")
        ),
    ):
        command = [sys.executable, "-m", "tuner", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (3, ""), done.stderr
        assert done.stderr.count("\n") == 1
        assert "is no UTF-8 text, so no advice can name it; rename" in done.stderr


def test_a_command_with_a_file_name_that_is_no_utf_8_is_written_so_that_it_can_be_read(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"))
    search = msgspec.structs.replace(advice.search, command="tuner search m.xml --output caf\udce9")
    write_advice(msgspec.structs.replace(advice, search=search), tmp_path / "config.yaml")
    assert tuner.load(tmp_path).search.command == r"tuner search m.xml --output caf\udce9"


@pytest.mark.slow
@pytest.mark.alone
def test_a_search_of_a_model_with_a_hostile_name_ends_as_any_other(tmp_path):
    name = EVIL.replace("/", "") + "<img src=x onerror=alert(1)> [red]"
    model = models.mlp(tmp_path / f"{name}.xml")
    done = run("search", model.name, "--budget", "6s", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not acts(done.stdout)
    assert not acts(done.stderr)
    advice = tuner.load(tmp_path / "reports" / name)
    assert advice.model.name == name
    assert shlex.split(advice.search.command)[2] == model.name
    assert advice.compile(model).inputs
    again = run("report", tmp_path / "reports" / name, "--format", "md,csv,json,html")
    assert (again.returncode, acts(again.stdout)) == (0, False)
    assert len(again.stdout.splitlines()) == 4
    assert "<img src=x" not in (tmp_path / "reports" / name / "report.html").read_text()
