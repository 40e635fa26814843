"""What makes the figures of a host worth less is told once, and kept once."""

import pytest

import tuner
from tests import models
from tuner.commands import measuring
from tuner.domain.result import Notice
from tuner.tuning.progress import Warned

pytestmark = pytest.mark.alone


def test_a_warning_of_this_host_is_told_once_and_kept_once(tmp_path, monkeypatch):
    warning = Notice("other-load", "Other programs run here.")
    monkeypatch.setattr(measuring, "host_warnings", lambda: [warning])
    told = []
    model, out = models.mlp(tmp_path / "m.xml"), tmp_path / "out"
    found = tuner.search(model, device="CPU", budget=4, trials=1, batch=[2], output=out, observer=told.append)
    assert [event.notice for event in told if isinstance(event, Warned)].count(warning) == 1
    assert found.outcome.notices.count(warning) == 1
