"""The page as a person meets it, in headless Chromium, from disk."""

import csv
import io
import re
import shutil
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import pytest

from tests.report.results import EVERY, limited, many, met, searched, unmet, view_of, view_of_kind, won
from tuner.report.page import page
from tuner.report.text import COLUMNS as CSV_COLUMNS
from tuner.report.text import cells
from tuner.report.trials import COLUMNS
from tuner.study.reading import read_results

MOST_TELLING = {"searched"}
REPORTS = Path(__file__).parents[2] / "reports"
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)")

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def wide(width):
    return {"viewport": {"width": width, "height": 900}}


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """Open a page from disk; after each use nothing was complained of, and no request has left it.

    Loading and drawing a page takes seconds, so tests with the same views and options share it, and leave it as they
    found it: unfiltered, in its own colours.
    """
    pages = {}

    def load(views, options):
        path = tmp_path_factory.mktemp("page") / "report.html"
        path.write_text(page(views), encoding="utf-8")
        shown, trouble = browser.new_context(**{**wide(1400), "offline": True, **options}).new_page(), []
        shown.set_default_timeout(120_000)
        shown.on("console", lambda message: trouble.append(message.text))
        shown.on("pageerror", lambda error: trouble.append(str(error)))
        shown.on(
            "request",
            lambda sent: (
                None if sent.url.startswith(("file:", "data:", "blob:")) else trouble.append(sent.url)
            ),
        )
        shown.goto(path.as_uri())
        return shown, trouble

    @contextmanager
    def show(views, **options):
        key = (*map(id, views), repr(options))
        if key not in pages:
            pages[key] = *load(views, options), views  # the views are kept, so that their ids stay theirs
        shown, trouble, _ = pages[key]
        yield shown
        assert trouble == []

    return show


@pytest.mark.parametrize("kind", [kind if kind in MOST_TELLING else slow(kind) for kind in EVERY])
def test_every_kind_of_search_is_shown_without_an_error(opened, kind):
    with opened([view_of_kind(kind)]) as shown:
        assert shown.locator(".answer").is_visible()
        assert shown.locator("svg.main-svg").count() >= 1


def test_the_answer_comes_first_and_plots_are_drawn(opened, view):
    with opened([view]) as shown:
        assert shown.locator(".headline").inner_text() == view.headline
        assert shown.locator(".answer").inner_text() == view.answer
        for name in ("tradeoff", "cpu", "final", "rounds", "importance", "curves0", "drift", "time"):
            assert shown.locator(f"#{name}-0 svg.main-svg").first.is_visible(), name


@pytest.mark.parametrize("scheme", ["light", slow("dark")])
def test_only_a_gain_at_a_fair_price_is_green(opened, scheme):
    colour = "element => getComputedStyle(element).color"
    for latency, plain in ((7.6, True), (1.2, False)):
        with opened([view_of(won(latency=latency))], color_scheme=scheme) as shown:
            text = shown.evaluate("getComputedStyle(document.body).color")
            assert (shown.locator(".headline").evaluate(colour) == text) is plain
            assert shown.get_by_text("This is a high price").count() == plain


@pytest.mark.parametrize("scheme", [slow("light"), slow("dark")])
def test_each_end_of_the_limits_has_a_colour_of_its_own(opened, scheme):
    colours = set()
    for search in (met, unmet, limited):
        with opened([view_of(search())], color_scheme=scheme) as shown:
            colours.add(shown.locator(".headline").evaluate("element => getComputedStyle(element).color"))
            edge = shown.locator(".limits").evaluate("element => getComputedStyle(element).borderLeftColor")
            assert edge in colours
    assert len(colours) == 3


@pytest.mark.parametrize("width", [slow(390), slow(1400)])
def test_labels_of_the_plot_do_not_overlap(opened, width):
    views = [view_of(won()), *published("gpu_emulated")]
    with opened(views, viewport={"width": width, "height": 900}) as shown:
        for number in range(len(views)):
            labels = shown.locator(f"#tradeoff-{number} .annotation-text-g")
            boxes = [labels.nth(at).bounding_box() for at in range(labels.count())]
            plot = shown.locator(f"#tradeoff-{number}").bounding_box()
            assert len(boxes) > 2
            for box in boxes:
                assert plot["x"] <= box["x"]
                assert box["x"] + box["width"] <= plot["x"] + plot["width"]
            assert not any(meet(first, second) for first, second in combinations(boxes, 2))


def meet(first, second):
    return all(
        first[start] < second[start] + second[size] and second[start] < first[start] + first[size]
        for start, size in (("x", "width"), ("y", "height"))
    )


@pytest.mark.parametrize("study", ["light_resnet50", slow("cpu_and_emu"), slow("gpu_emulated")])
def test_no_column_of_a_published_study_is_clipped(opened, study):
    with opened(published(study), viewport={"width": 1400, "height": 900}) as shown:
        for box in (".trials-box", ".scroll"):
            for at in range(shown.locator(box).count()):
                assert (
                    shown.locator(box)
                    .nth(at)
                    .evaluate("element => element.scrollWidth - element.clientWidth")
                    == 0
                )


def published(study):
    return [view_of(result) for result in read_results(str(REPORTS / study))]


@pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1400), slow("dark", 390), slow("light", 390), slow("dark", 1400)],
)
def test_it_can_be_read_by_everyone(opened, scheme, width):
    """axe-core's rules, contrast among them."""
    from axe_playwright_python.sync_playwright import Axe

    options = {} if (scheme, width) == ("light", 1400) else {"color_scheme": scheme, **wide(width)}
    with opened([view_of_kind("several devices")], **options) as shown:
        found = Axe().run(shown)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", slow("dark")])
def test_text_and_plots_take_the_colours_of_the_scheme(opened, scheme):
    options = {} if scheme == "light" else {"color_scheme": scheme, **wide(390)}
    with opened([view_of_kind("several devices")], **options) as shown:
        paper = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 30)")
        text = shown.locator("#tradeoff-0 .xtitle").evaluate("element => getComputedStyle(element).fill")
        assert text == shown.evaluate("getComputedStyle(document.body).color")


@pytest.mark.parametrize("width", [390, slow(1400)])
@pytest.mark.parametrize("kind", [slow("several devices"), slow("hostile names")])
def test_a_page_needs_no_sideways_scrolling(opened, kind, width):
    view = view_of_kind(kind)
    with opened([view, view], **wide(width)) as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_the_colours_follow_a_change_of_scheme_and_print_is_black_on_white(opened, view):
    fill = "() => getComputedStyle(document.querySelector('#tradeoff-0 .xtitle')).fill"
    with opened([view], color_scheme="light") as shown:  # a page of its own
        shown.emulate_media(color_scheme="dark")
        shown.wait_for_function(f"({fill})() === getComputedStyle(document.body).color")
        assert shown.evaluate(fill) == "rgb(228, 232, 238)"
        shown.evaluate("dispatchEvent(new Event('beforeprint'))")
        shown.emulate_media(media="print", color_scheme="dark")
        assert shown.evaluate(fill) == "rgb(0, 0, 0)"
        assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        visible = shown.locator("table.trials th:visible").all_inner_texts()
        assert visible == [column.head for column in COLUMNS]
        assert not shown.locator(".modebar:visible, [data-filter]:visible").count()


def test_trials_are_filtered(opened, view):
    with opened([view]) as shown:
        rows = shown.locator("table.trials tbody tr")
        assert rows.count() == len(view.rows)
        shown.get_by_label("Filter trials").fill("memory OUT")
        failed = [row for row in view.rows if row.reason == "out of memory"]
        assert shown.locator("table.trials tbody tr:visible").count() == len(failed) > 0
        assert shown.locator("[data-count]").inner_text() == f"{len(failed)} of {len(view.rows)}"
        shown.get_by_label("Filter trials").fill("")
        assert shown.locator("table.trials tbody tr:visible").count() == len(view.rows)


@pytest.mark.parametrize(
    ("column", "key"), [("ratio", "Enter"), ("compiled", "Space"), ("number", None), ("configuration", None)]
)
def test_trials_are_sorted_by_mouse_and_keyboard(opened, view, column, key):
    at = [shown.sort for shown in COLUMNS].index(column) + 1
    with opened([view]) as shown:
        head = shown.locator(f"table.trials th:nth-child({at})")
        for order in ("ascending", "descending"):
            if key:
                head.locator("button").focus()
                shown.keyboard.press(key)
            else:
                head.locator("button").click()
            assert head.get_attribute("aria-sort") == order
            numbers = shown.locator("table.trials tbody td:first-child").all_inner_texts()
            values = [getattr(view.rows[int(number)], column) for number in numbers]
            known = [value for value in values if value not in (None, "")]
            assert values[: len(known)] == known, "what has no value comes last"
            keys = known
            if column in ("compiled", "configuration"):  # digits are numbers: batch 8 comes before batch 16
                keys = [
                    [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", value)]
                    for value in known
                ]
            assert keys == sorted(keys, reverse=order == "descending")


def test_the_plots_offer_nothing_that_leaves_the_page(opened, view):
    with opened([view]) as shown:
        offered = shown.evaluate(
            "[...document.querySelectorAll('.modebar-btn')].map((button) => button.dataset.title)"
        )
        assert {title.lower() for title in offered} == {"download plot as a png", "reset axes"}


@pytest.mark.parametrize(
    ("block", "allowed"),
    [("configuration", True), ("benchmark_app", True), ("python", False), ("dashboard", False)],
)
def test_what_is_to_be_used_is_copied(opened, view, block, allowed):
    from playwright.sync_api import expect

    with opened([view]) as shown:
        if allowed:
            shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
        else:  # as some browsers have it for pages from disk
            shown.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
        text = getattr(view.usage, block)
        button = shown.locator("pre", has_text=text.splitlines()[-1]).locator("button").first
        shown.evaluate("""() => {
            const area = document.body.appendChild(document.createElement("textarea"));
            area.id = "paste";
            area.value = "what was copied before";
            area.select();
        }""")
        shown.keyboard.press("Control+X")
        button.click()
        expect(button).to_have_text("Copied")
        shown.locator("#paste").focus()
        shown.keyboard.press("Control+V")
        assert shown.locator("#paste").input_value() == text
        shown.evaluate(
            "() => { document.getElementById('paste').remove(); delete navigator.clipboard.writeText; }"
        )
        shown.context.clear_permissions()


@pytest.mark.parametrize("words", ["", "out of memory"])
def test_the_rows_that_are_shown_are_downloaded(opened, view, words):
    with opened([view]) as shown:
        shown.get_by_label("Filter trials").fill(words)
        shown.locator("table.trials th").first.locator("button").click()
        shown.locator("table.trials th").first.locator("button").click()
        with shown.expect_download() as download:
            shown.get_by_text("Download these as CSV").click()
        downloaded = list(csv.reader(io.StringIO(download.value.path().read_text())))
        rows = [row for row in reversed(view.rows) if words in row.reason]
        columns = [name for name in CSV_COLUMNS if name not in {"throttled", "slowest_fps"}]
        assert downloaded == [
            columns,
            *(cells(row, columns) for row in rows),
        ]
        shown.get_by_label("Filter trials").fill("")


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
        hover = shown.locator("#tradeoff-0 .hoverlayer .hovertext").first
        hover.wait_for()
        for part in ["items/s", "p50", "p99", "over the hint", "MiB", "threads", *parts]:
            assert part in hover.text_content()
        shown.mouse.move(0, 0)
        hover.wait_for(state="hidden")


@pytest.mark.slow
def test_two_studies_stand_side_by_side(opened, view):
    with opened([view, view_of(searched(seed=3))]) as shown:
        assert shown.locator("article").count() == 2
        assert shown.locator("table.differences tbody tr").count() >= 1
        assert shown.locator("#tradeoff-1 svg.main-svg").first.is_visible()


@pytest.mark.slow
def test_five_thousand_trials_are_shown(opened):
    with opened([view_of(many())]) as shown:
        assert shown.locator("table.trials tbody tr").count() == 5000


def test_it_prints(opened, view, tmp_path):
    with opened([view]) as shown:
        shown.pdf(path=tmp_path / "report.pdf")
        assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_tables_are_read_without_scripts(opened, view):
    with opened([view], java_script_enabled=False) as shown:
        assert "need JavaScript" in shown.locator("body").inner_text()
        assert shown.locator("table.trials tbody tr").count() == len(view.rows)
