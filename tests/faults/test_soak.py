"""The soak goes on where it stopped, and its page counts what it found."""

from tests.faults.cases import Case
from tests.faults.page import draw
from tests.faults.soak import to_do

OFTEN = Case("often", "something breaks", lambda *_: None, tries=3)
ONCE = Case("once", "something else breaks", lambda *_: None, tries=1)


def result(name, number, **found):
    nothing = {"lost": 0, "left": [], "wrong": [], "other": [], "recover_s": [1.0], "commit": "abc"}
    return {"case": name, "try": number, "survived": not found, **nothing, **found}


def test_every_case_is_tried_once_before_any_is_tried_again():
    assert list(to_do([OFTEN, ONCE], [])) == [(OFTEN, 0), (ONCE, 0), (OFTEN, 1), (OFTEN, 2)]


def test_what_was_tried_is_not_tried_again():
    assert list(to_do([OFTEN, ONCE], [result("often", 0), result("often", 2)])) == [(ONCE, 0), (OFTEN, 1)]


def test_the_page_counts_and_says_what_did_not_hold():
    results = [result("often", 0), result("often", 1, lost=2, left=["a lock"], recover_s=[4.0])]
    page = draw([OFTEN, ONCE], results)
    assert "| often | something breaks | real | 2 | 1 | 2 | 1 | 0 | 2.5, 4.0 |" in page
    assert "| once | something else breaks | real | 0 | 0 | 0 | 0 | 0 |  |" in page
    assert "- often, try 2, at abc: 2 trials lost; a lock\n" in page
