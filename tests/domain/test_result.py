"""How a result and an advice show themselves to whoever looks at them in Python."""

import pytest

from tests.report import results
from tuner.advice.writer import make_advice
from tuner.domain.sentences import answer

ALL = (results.searched, results.several, results.interrupted, results.single, results.hostile)


def test_a_result_is_one_sentence():
    result = results.searched()
    assert repr(result) == f"<Result m: {answer(result.verdict)}>"
    assert " % faster than the hint, 98 % interval " in repr(result)
    assert repr(results.interrupted()).startswith("<Result m: stopped early; inconclusive")


def test_an_advice_is_one_sentence():
    found = repr(make_advice(results.searched()))
    assert found.startswith(f"<Advice for m: {results.searched().verdict.best.configuration} (")
    assert " % faster than the hint, " in found
    assert repr(make_advice(results.interrupted())).endswith("(inconclusive)>")


@pytest.mark.parametrize("make", ALL)
def test_both_are_short_tables_in_a_notebook_and_names_stay_names(make):
    for shown in (make(), make_advice(make())):
        assert "\n" not in repr(shown)
        assert repr(shown).isprintable()
        html = shown._repr_html_()
        assert html.startswith("<table><caption>")
        assert "hint" in html
        assert "<script>" not in html
        assert html.isprintable()
        assert len(html) < 5000
