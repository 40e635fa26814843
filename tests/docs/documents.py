"""Reads the project's pages: code blocks, commands, links, headings."""

import html
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [
    *DOCS,
    *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "tests/gpu/README.md")),
    *(ROOT / "reports" / name for name in ("README.md", "gpu_emulated/README.md", "evidence/README.md")),
]

FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)
INLINE = re.compile(r"`([^`\n]+)`")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, kind: str) -> list[str]:
    """Return a page's code blocks of a kind."""
    return [text for word, text in FENCED.findall(page.read_text()) if word == kind]


def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return FENCED.sub("", page.read_text())


def commands(page: Path) -> list[list[str]]:
    """Return the command lines of a page's blocks, as words."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    lines += [
        line[2:] for block in blocks(page, "console") for line in block.splitlines() if line[:2] == "$ "
    ]
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def inline(page: Path) -> list[str]:
    """Return what a page sets as code within its sentences."""
    return INLINE.findall(prose(page))


def links(page: Path) -> list[str]:
    return LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    found: dict[str, int] = {}
    for heading in HEADING.findall(prose(page)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return {slug + (f"-{at}" if at else "") for slug, count in found.items() for at in range(count + 1)}


def rows(page: Path) -> dict[str, list[str]]:
    """Return the cells of a page's tables by the first cell, without its code marks."""
    lines = [line.strip().strip("|").split(" | ") for line in prose(page).splitlines() if line[:1] == "|"]
    return {cells[0].strip(" `*"): [cell.strip() for cell in cells[1:]] for cells in lines}


def text_of(svg: Path) -> str:
    """Return the letters of a picture, without the spaces between them."""
    return "".join(html.unescape(re.sub(r"<[^>]*>", "", svg.read_text())).split())
