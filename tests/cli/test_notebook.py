"""The same live view in a real notebook kernel, without ipywidgets."""

import pytest

pytestmark = pytest.mark.alone

nbformat = pytest.importorskip("nbformat", reason="needs the notebook packages: pip install '.[notebook]'")
nbclient = pytest.importorskip("nbclient", reason="needs the notebook packages: pip install '.[notebook]'")
pytest.importorskip("ipykernel", reason="needs the notebook packages: pip install '.[notebook]'")

SEARCH = """
import pathlib
import tuner
from tests import models
model = models.mlp(pathlib.Path({folder!r}) / "<b>m.xml")
result = tuner.search(model, budget=6, trials=1, output={folder!r} + "/out", observer=tuner.progress())
"""
RECORD = """
import IPython.display as display
drawn = []
update = display.DisplayHandle.update
display.DisplayHandle.update = lambda self, shown, **how: (drawn.append(shown.data), update(self, shown, **how))
"""
CELLS = (RECORD, SEARCH, "print(*drawn, sep='\\n')", "result", "tuner.load({folder!r} + '/out/config.yaml')")


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("notebook"))
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell.replace("{folder!r}", repr(folder))) for cell in CELLS]
    nbclient.NotebookClient(notebook, timeout=300).execute()
    return notebook.cells


def text_of(cell, kind="text/plain"):
    """What a cell printed, and what it showed."""
    shown = [output.get("text") or output.get("data", {}).get(kind, "") for output in cell.outputs]
    return "".join(shown)


def test_a_search_in_a_notebook_draws_its_bar_and_prints_its_lines_without_a_warning(cells):
    _, search, drawn, *_ = cells
    printed = text_of(search)
    assert "hint   CPU" in printed
    assert "Warning" not in printed
    assert "IProgress" not in printed
    assert "ipywidgets" not in printed
    views = text_of(drawn).splitlines()
    assert any("<progress" in view and " s left" in view for view in views)
    assert any("measuring the hint" in view for view in views)
    assert views[-1] == ""  # the last drawing takes the view away


def test_a_result_and_an_advice_are_a_sentence_and_a_table(cells):
    *_, result, advice = cells
    assert text_of(result).startswith("<Result <b>m: ")
    assert text_of(advice).startswith("<Advice for <b>m: ")
    for cell in (result, advice):
        assert text_of(cell).count("\n") == 0
        (output,) = cell.outputs
        assert "<table>" in output.data["text/html"]
        assert "<b>" not in output.data["text/html"]
