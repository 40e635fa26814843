"""Labels of the trade-off plot: which points get them, and that none covers another."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.advice.advice_of import with_outcome
from tests.report.results import finalist, searched, view_of, won
from tuner.report.notable import labels_of
from tuner.report.page import page
from tuner.report.plots.draw import draw
from tuner.report.plots.labels import SIZES_PX, Place, box_of, offsets

TEXTS = ("hint", "advice", "drop-in", "fastest", "shortest p99", "knee")
SHARES = st.floats(0.1, 0.9)


@settings(max_examples=30)
@given(st.lists(st.builds(Place, SHARES, SHARES), min_size=6, max_size=6))
def test_no_label_covers_another_on_a_phone_or_on_a_wide_screen(places):
    chosen = offsets(TEXTS, places, places)
    for size in SIZES_PX:
        boxes = [box_of(*label, size) for label in zip(TEXTS, places, chosen, strict=True)]
        assert not any(first.meets(second) for first, second in combinations(boxes, 2))


def test_labels_stay_clear_of_each_other_where_all_points_are_one():
    places = [Place(0.5, 0.5)] * 6
    chosen = offsets(TEXTS, places, places)
    assert len(set(chosen)) == 6


def points(front):
    row = searched_row()
    return [replace(row, configuration=name, fps=fps, p99_ms=p99) for name, fps, p99 in front]


def searched_row():
    return view_of(searched()).rows[1]


def test_the_ends_of_the_front_and_its_knee_are_labelled():
    view = view_of(searched())
    front = points([("a", 120.0, 140.0), ("b", 118.0, 70.0), ("c", 117.0, 21.0), ("d", 110.0, 20.0)])
    found = labels_of(front, view.hint, view.advice, None)
    assert [label.text for label in found] == ["hint", "advice", "fastest", "shortest p99", "knee"]
    assert [label.height for label in found[2:]] == [140.0, 20.0, 21.0]


def test_a_front_that_does_not_bend_has_no_knee():
    view = view_of(searched())
    front = points([("a", 120.0, 140.0), ("b", 111.0, 130.0), ("c", 110.0, 20.0)])
    assert "knee" not in {label.text for label in labels_of(front, view.hint, view.advice, None)}


def test_the_hint_is_labelled_once():
    view = view_of(searched())
    front = points([("a", 120.0, 140.0), (view.hint.configuration, 110.0, 20.0)])
    texts = [label.text for label in labels_of(front, view.hint, view.hint, None)]
    assert texts == ["hint = advice", "fastest"]


def test_a_drop_in_of_its_own_is_marked_and_labelled():
    result = with_outcome(won(), drop_in=finalist(1.03, 1.02, 1.04, 3))
    figure = draw(view_of(result))["tradeoff"]
    assert "the drop-in" in [trace.name for trace in figure.data]
    assert "drop-in" in [label.text for label in figure.layout.annotations]
    assert "drop-in" not in [label.text for label in draw(view_of(won()))["tradeoff"].layout.annotations]


def test_trials_that_look_better_than_the_advice_are_named_with_the_reason():
    result = won(ratio=1.0571, latency=500.0)
    view = view_of(result)
    assert len(view.ahead) > 3
    for row in view.ahead:
        assert row.fps > view.advice.fps
        assert row.p99_ms < view.advice.p99_ms
    text = " ".join(page([view]).split())
    first = view.ahead[0]
    assert f"{len(view.ahead)} trials look better than the advice in both (trial {first.number}:" in text
    assert f"and {len(view.ahead) - 3} more), but the final did not measure them" in text


def test_finalists_are_not_among_the_trials_that_the_final_did_not_measure():
    view = view_of(won(latency=500.0))
    trial = searched().trials[view.ahead[0].number]
    again = view_of(won(latency=500.0, others=(trial.as_candidate(),)))
    assert [row.number for row in again.ahead] == [row.number for row in view.ahead[1:]]


@pytest.mark.parametrize("trouble", ["interrupted", None])
def test_nothing_is_explained_where_nothing_is_ahead_or_claimed(trouble):
    result = won(ratio=8.2, latency=1.0)
    if trouble:
        result = won(latency=500.0)
        result = replace(result, final=replace(result.final, trouble=trouble))
    view = view_of(result)
    assert view.ahead == []
    assert "than the advice in both" not in " ".join(page([view]).split())
