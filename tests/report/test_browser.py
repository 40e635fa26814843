"""The page as a person meets it, in headless Chromium, from disk."""

import csv
import io
import shutil
from contextlib import contextmanager

import pytest

from tests.report.results import EVERY, many, searched, several, view_of
from tuner.report.page import exact, page
from tuner.report.text import COLUMNS, cells

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Open a page from disk; at its end nothing was complained of, and no request has left it."""

    @contextmanager
    def show(views, **options):
        (tmp_path / "report.html").write_text(page(views), encoding="utf-8")
        context = browser.new_context(offline=True, **options)
        shown, trouble = context.new_page(), []
        shown.on("console", lambda message: trouble.append(message.text))
        shown.on("pageerror", lambda error: trouble.append(str(error)))
        shown.on(
            "request",
            lambda one: None if one.url.startswith(("file:", "data:", "blob:")) else trouble.append(one.url),
        )
        shown.goto((tmp_path / "report.html").as_uri())
        yield shown
        context.close()
        assert trouble == []

    return show


@pytest.fixture(scope="module")
def view():
    return view_of(searched())


@pytest.mark.parametrize("kind", EVERY)
def test_every_kind_of_search_is_shown_without_an_error(opened, kind):
    with opened([view_of(EVERY[kind]())]) as shown:
        assert shown.locator(".answer").is_visible()
        assert shown.locator("svg.main-svg").count() >= 1


def test_the_answer_comes_first_and_plots_are_drawn(opened, view):
    with opened([view]) as shown:
        assert shown.locator(".answer").inner_text() == view.answer
        for name in ("tradeoff", "final", "rounds", "importance", "curves0", "drift", "time"):
            assert shown.locator(f"#{name}-0 svg.main-svg").first.is_visible(), name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_it_can_be_read_by_everyone(opened, scheme, width):
    """axe-core's rules, contrast among them."""
    from axe_playwright_python.sync_playwright import Axe

    with opened([view_of(several())], color_scheme=scheme, viewport={"width": width, "height": 900}) as shown:
        found = Axe().run(shown)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_plots_take_the_colours_of_the_scheme(opened, view, scheme):
    with opened([view], color_scheme=scheme) as shown:
        paper = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 30)")
        text = shown.locator("#tradeoff-0 .xtitle").evaluate("one => getComputedStyle(one).fill")
        assert text == shown.evaluate("getComputedStyle(document.body).color")


def test_a_phone_needs_no_sideways_scrolling(opened, view):
    with opened([view], viewport={"width": 390, "height": 800}) as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") <= 390


def test_trials_are_filtered_and_sorted(opened, view):
    with opened([view]) as shown:
        rows = shown.locator("table.trials tbody tr")
        assert rows.count() == len(view.rows)
        shown.get_by_label("Filter trials").fill("out of memory")
        failed = [row for row in view.rows if row.reason == "out of memory"]
        assert shown.locator("table.trials tbody tr:visible").count() == len(failed) > 0
        assert shown.locator("[data-count]").inner_text() == f"{len(failed)} of {len(view.rows)}"
        shown.get_by_label("Filter trials").fill("")
        column = COLUMNS.index("ratio")
        head = shown.locator(f"table.trials th:nth-child({column + 1})")
        for order in ("ascending", "descending"):
            head.click()
            assert head.get_attribute("aria-sort") == order
            told = [one for one in rows.locator(f"td:nth-child({column + 1})").all_inner_texts() if one]
            assert [float(one) for one in told] == sorted(map(float, told), reverse=order == "descending")


def test_the_configuration_is_copied(opened, view):
    with opened([view], permissions=["clipboard-read", "clipboard-write"]) as shown:
        button = shown.locator("pre.configuration button")
        from playwright.sync_api import expect

        button.click()
        expect(button).to_have_text("Copied")
        shown.evaluate("""() => {
            const area = document.body.appendChild(document.createElement("textarea"));
            area.id = "paste";
            area.focus();
        }""")
        shown.keyboard.press("Control+V")
        assert (
            shown.locator("#paste").input_value() == f"{view.advice.configuration}\n{view.usage.properties}"
        )


def test_the_table_is_downloaded_whole(opened, view):
    with opened([view]) as shown:
        with shown.expect_download() as download:
            shown.get_by_text("Download CSV").click()
        told = list(csv.reader(io.StringIO(download.value.path().read_text())))
        assert told == [
            list(COLUMNS),
            *([" ".join(one.split()) for one in cells(row, exact)] for row in view.rows),
        ]


@pytest.mark.parametrize(
    ("trace", "parts"),
    [
        ("pruned", ["rounds", "compiled in", "trial", "pruned"]),
        ("the advice", ["the advice", " to "]),
    ],
)
def test_hovering_over_a_point_tells_all_of_it(opened, view, trace, parts):
    names = ["front", "measured", "pruned", "the hint", "the advice"]
    with opened([view]) as shown:
        shown.locator("#tradeoff-0").scroll_into_view_if_needed()
        traces = shown.locator("#tradeoff-0 .scatterlayer .trace")
        assert traces.count() == len(names)
        traces.nth(names.index(trace)).locator("path.point").first.hover(force=True)
        told = shown.locator("#tradeoff-0 .hoverlayer .hovertext").first
        told.wait_for()
        for part in ["items/s", "p50", "p99", "over the hint", "MiB", "threads", *parts]:
            assert part in told.text_content()


def test_two_studies_stand_side_by_side(opened, view):
    with opened([view, view_of(searched(seed=3))]) as shown:
        assert shown.locator("article").count() == 2
        assert shown.locator("table.differences tbody tr").count() >= 1
        assert shown.locator("#tradeoff-1 svg.main-svg").first.is_visible()


def test_five_thousand_trials_are_shown(opened):
    with opened([view_of(many())]) as shown:
        assert shown.locator("table.trials tbody tr").count() == 5000


def test_it_prints(opened, view, tmp_path):
    with opened([view]) as shown:
        shown.pdf(path=tmp_path / "report.pdf")
        assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
