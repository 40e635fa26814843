"""Draws what README.md shows of a published search: `make pictures`.

The session becomes an SVG; the top of the report becomes a PNG, for which a Chromium shows the page; the
advice becomes the few lines of YAML.
"""

import io
import os
import re
import shutil
import tempfile
from pathlib import Path

import yaml
from rich.console import Console
from rich.text import Text

from tuner.commands.report import report

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
STUDY = Path("reports/light_resnet50")
"""From the root of the project: pictures show it."""

PICTURES = ROOT / "docs" / "pictures"
COLUMNS = 100
PAGE = {"width": 1100, "height": 700}

DEPLOYED = ("device", "properties", "batch", "requests")
SHOWN = {
    "model": ("name", "path", "batch_axes"),
    "best": DEPLOYED,
    "drop_in": DEPLOYED,
    "verdict": None,
    "speedup": ("ratio", "low", "high", "confidence", "rounds", "sittings"),
    "measured": ("throughput_fps", "latency_ms", "memory_mb"),
    "baseline": DEPLOYED,
    "host": ("cpu", "cores", "openvino"),
    "search": ("version", "command", "seed", "trials"),
}
"""Fields of the YAML, and their parts, that a reader needs first."""

FETCHED_FONT = re.compile(r"@font-face \{.*?\}", re.S)
"""What Rich puts in to load a font from the network; the reader's own will do."""


def session_svg(session: str) -> str:
    """Return a terminal that shows a session."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for line, style in _styled(session.rstrip("\n").splitlines()):
        console.print(Text(line, style=style), soft_wrap=False)
    return FETCHED_FONT.sub("", console.export_svg(title="tuner search", unique_id="session"))


def _styled(lines: list[str]) -> list[tuple[str, str]]:
    answer = next(at for at, line in enumerate(lines) if line.startswith("  best ")) - 1
    styles = {0: "bold cyan", answer: "bold green"}
    return [(line, styles.get(at, "")) for at, line in enumerate(lines)]


def short_yaml(config: Path) -> str:
    """Return some of an advice file, a field a line."""
    advice = yaml.safe_load(config.read_text())
    lines = [f"schema: {advice['schema']}"]
    for field, parts in SHOWN.items():
        value = advice[field]
        line = value if parts is None else _in_braces({part: value[part] for part in parts})
        lines.append(
            f"{field}: {line}" + (" # faster, keep_hint or inconclusive" if field == "verdict" else "")
        )
    return "\n".join(lines) + "\n"


def _in_braces(mapping: dict[str, object]) -> str:
    return yaml.safe_dump(mapping, default_flow_style=True, sort_keys=False, width=1000).strip()


def report_png(study: Path, png: Path) -> None:
    """Take a picture of the top of a study's report."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit(
            "tests.publishing.pictures: the report's picture needs chromium; apt-get install chromium"
        )
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        (page,) = report([str(study)], output=Path(folder))
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        shown = browser.new_page(viewport=PAGE, color_scheme="light")
        shown.goto(page.as_uri(), timeout=300_000)  # plots take a while on a busy machine
        shown.screenshot(path=png)
        browser.close()


def main() -> None:
    os.chdir(ROOT)
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "session.svg").write_text(session_svg((STUDY / "session.txt").read_text()))
    shown = f"```yaml\n{short_yaml(STUDY / 'config.yaml')}```"
    README.write_text(re.sub(r"```yaml\n.*?```", lambda _: shown, README.read_text(), flags=re.S))
    report_png(STUDY, PICTURES / "report.png")


if __name__ == "__main__":
    main()
