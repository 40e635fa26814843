"""Searches the models of `reports/` again and writes what they left there: `make reports`.

Every search runs in a folder where the models are by their plain names, so that its command can be
repeated; a quiet machine for as many minutes as there are searches. `python -m tests.publishing.reports NAME…`
remakes some of them; the table of `reports/README.md` is drawn from all.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx

from tests import emu, gpu, models
from tuner.advice.advice import Advice
from tuner.advice.loader import read
from tuner.domain.figures import gain_of

REPORTS = Path(__file__).parents[2] / "reports"
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
PLUGINS = "plugins.xml"
DENSE = "dense.xml"

SEARCHES = {
    "light_bvlc_alexnet": ("AlexNet", ["light_bvlc_alexnet.onnx"]),
    "light_squeezenet": ("SqueezeNet", ["light_squeezenet.onnx"]),
    "light_resnet50": ("ResNet-50", ["light_resnet50.onnx"]),
    "light_inception_v1": ("Inception v1", ["light_inception_v1.onnx"]),
    "light_densenet121": ("DenseNet-121", ["light_densenet121.onnx"]),
    "light_vgg19": ("VGG-19", ["light_vgg19.onnx"]),
    "resnet50_drop_in": (
        "ResNet-50, batch 1 and 2 requests only",
        ["light_resnet50.onnx", "--batch", "1", "--requests", "2", "--output", "reports/resnet50_drop_in"],
    ),
    "cpu_and_emu": (
        "SqueezeNet on two devices",
        ["light_squeezenet.onnx", "--plugins", PLUGINS, "--budget", "80s", "--output", "reports/cpu_and_emu"],
    ),
    "gpu_emulated": (
        "a dense layer on an emulated GPU (its speed means nothing)",
        [DENSE, "--device", "MULTI:GPU,CPU", "--budget", "120s", "--output", "reports/gpu_emulated"],
    ),
}
"""Title and the words after `tuner search`, by folder."""

ASKED = {
    "latency": ["--objective", "latency", "--budget", "30s"],
    "cpu": ["--objective", "cpu", "--budget", "30s"],
    "limit": ["--max-latency", "{limit}", "--budget", "30s"],
    "pareto": ["--objective", "pareto", "--budget", "45s"],
    "rate": ["--objective", "rate", "--max-latency", "{limit}", "--budget", "90s"],
}
"""The words that ask another question, by the end of the folder's name."""

LIMITS = {
    "squeezenet": "6ms",
    "bvlc_alexnet": "30ms",
    "inception_v1": "15ms",
    "resnet50": "25ms",
    "densenet121": "25ms",
}
"""The p99 latency that an application might allow, by model."""

QUESTIONS = {
    f"questions/{model}_{name}": (
        f"{model}, {name}",
        [
            f"light_{model}.onnx",
            *(word.format(limit=limit) for word in words),
            "--output",
            f"reports/questions/{model}_{name}",
        ],
    )
    for model, limit in LIMITS.items()
    for name, words in ASKED.items()
}
"""The same of searches for something else than throughput."""

KEPT = ("config.yaml", "session.txt", "study.db", "report.png")
KEPT_OF_QUESTIONS = KEPT[:2]


def search(folder: str, words: list[str], place: Path, environment: dict[str, str]) -> None:
    """Run a search as a person would, and keep what it showed."""
    out = place / "reports" / folder
    out.mkdir(parents=True)
    command = [sys.executable, "-m", "tuner", "search", *words]
    done = subprocess.run(
        command,
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):  # 1: nothing keeps the limits
        raise SystemExit(f"{folder}: {done.stdout}")
    (out / "session.txt").write_text(f"$ tuner search {' '.join(words)}\n{done.stdout}")
    if folder in SEARCHES:
        picture(out / "report.html", out / "report.png")
    (REPORTS / folder).mkdir(parents=True, exist_ok=True)
    for name in KEPT if folder in SEARCHES else KEPT_OF_QUESTIONS:
        if (out / name).exists():
            shutil.copy(out / name, REPORTS / folder / name)
    sys.stdout.write(f"{folder} {(out / 'session.txt').read_text().splitlines()[-1]}\n")
    sys.stdout.flush()


def picture(html: Path, png: Path) -> None:
    """Take a picture of a report, where there is a browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 900, "height": 900})
        page.goto(html.as_uri())
        page.screenshot(path=png, full_page=True)
        browser.close()


def table() -> list[str]:
    """Return the rows of `reports/README.md`, from the advice and the sessions."""
    columns = (
        "model",
        "hint, items/s",
        "verdict",
        "best",
        "gain over the hint, interval",
        "known",
        "took",
        "files",
    )
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    for folder, (title, _) in SEARCHES.items():
        (advice,) = read(REPORTS / folder / "config.yaml")
        session = (REPORTS / folder / "session.txt").read_text()
        (known,) = re.findall(r"known\s+(\d+ of \d+)", session)
        (took,) = re.findall(r"trials, (\d+ s)\)", session)
        hint = advice.baseline.measured
        files = [("yaml", "config.yaml"), ("session", "session.txt"), ("report", "report.png")]
        links = (f"[{word}](./{folder}/{name})" for word, name in files if (REPORTS / folder / name).exists())
        cells = [
            title, f"{hint.throughput_fps:.4g}" if hint else "", f"`{advice.verdict}`",
            str(advice.best.configuration), gain(advice, session), known, took, ", ".join(links),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def table_of_questions() -> list[str]:
    """Return the rows of the searches for something else, with what the hint gives beside the advice."""
    columns = ("question", "answer", "advice", "hint", "files")
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    for folder, (title, _) in QUESTIONS.items():
        if not (REPORTS / folder / "session.txt").exists():
            continue
        session = (REPORTS / folder / "session.txt").read_text()
        said = {label: _said(session, rf"^  {label} +") for label in ("best", "hint")}
        answer = _answer(session)
        files = (("yaml", "config.yaml"), ("session", "session.txt"))
        links = ", ".join(f"[{word}](./{folder}/{name})" for word, name in files)
        lines.append(f"| {' | '.join((title, answer, said['best'], said['hint'], links))} |")
    return lines


def _answer(session: str) -> str:
    """Return the sentence before the figures, in one line: the last line that begins at the margin."""
    blocks = re.findall(r"^(\S.*?)(?=\n\S|\n  \S+ {2,}|\Z)", session, re.M | re.S)
    return " ".join(blocks[-1].split()).replace("|", "\\|") if blocks else ""


def _said(session: str, label: str) -> str:
    """Return the text after a label, up to the next one, in one line."""
    found = re.search(rf"{label}(.*?)(?=\n  \S+ {{2,}}|\Z)", session, re.M | re.S)
    return " ".join(found[1].split()).replace("|", "\\|") if found else ""


def gain(advice: Advice, session: str) -> str:
    """Return the claimed gain, or that of the closest candidate, as the session says it."""
    if advice.verdict == "faster":
        return gain_of(advice.speedup.speedup)
    closest = re.search(
        r"closest(?: is|:) .*?, ((?:[+-][\d.]+ %|[\d.,]+ times), .*?)(?:; this is not proven)?\)?$",
        session,
        re.M,
    )
    return f"closest {closest[1]}" if closest else ""


def draw() -> None:
    """Put the table into `reports/README.md`."""
    page = (REPORTS / "README.md").read_text()
    drawn = re.sub(r"\| model \|.*?\n\n", lambda _: "\n".join(table()) + "\n\n", page, count=1, flags=re.S)
    others = "\n".join(table_of_questions()) + "\n\n"
    drawn = re.sub(r"\| question \|.*?\n\n", lambda _: others, drawn, count=1, flags=re.S)
    (REPORTS / "README.md").write_text(drawn)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for model in LIGHT.glob("*.onnx"):
            (place / model.name).symlink_to(model)
        plain = {**os.environ, "COLUMNS": "140"}
        for name in sys.argv[1:] or [*SEARCHES, *QUESTIONS]:
            _, words = (SEARCHES | QUESTIONS)[name]
            environment = plain
            if DENSE in words and gpu.missing():
                sys.stdout.write(f"{name} is left as it is: {gpu.missing()}\n")
                continue
            if PLUGINS in words:
                plugins, environment = emu.build(place / "emu", {"EMU": {}})
                shutil.copy(plugins, place / PLUGINS)
                environment = {**environment, "COLUMNS": "140"}
            if DENSE in words:
                models.mlp(place / DENSE)
                environment = {**gpu.build(place / "gpu"), "COLUMNS": "140"}
            search(name, words, place, environment)
    draw()


if __name__ == "__main__":
    main()
