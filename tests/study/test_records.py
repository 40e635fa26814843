"""Studies on disk: what an earlier version wrote is read, and nothing of it is lost."""

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from tuner.advice.loader import read
from tuner.advice.writer import make_advice, write_advice
from tuner.cli import answers
from tuner.commands.report import usage
from tuner.domain.load import Load, recorded_load
from tuner.domain.question import Question
from tuner.domain.result import Outcome, Setting
from tuner.domain.travel import Travel
from tuner.domain.trial import Final, Trial
from tuner.report.compute import view
from tuner.study.reading import read_results
from tuner.study.records import recorded, revived
from tuner.study.storage import Study

WRITTEN_BEFORE = Path(__file__).parent / "files" / "format_2.db"
"""A search of VGG-19 by the version of 2026-11-23, format 2."""


@pytest.fixture
def written_before(tmp_path):
    return shutil.copy(WRITTEN_BEFORE, tmp_path / "study.db")


def test_a_study_of_an_earlier_version_is_read(written_before):
    (result,) = read_results(str(written_before))
    assert result.verdict.kind == "faster"
    assert str(result.verdict.closest) == "hint, batch 2, 4 requests"
    assert len(result.trials) == 5
    assert len(result.final.rounds) == 8
    assert result.outcome.notices[0].code == "blind-proof"
    assert (result.outcome.points, result.outcome.covered) == (63, 8)
    assert (result.final.unsteady, result.trials[1].unsteady) == (0, 0)


@pytest.mark.parametrize("kind", [Setting, Outcome, Final])
def test_nothing_of_what_an_earlier_version_wrote_is_lost(written_before, kind):
    (study,) = optuna.get_all_study_summaries(f"sqlite:///{written_before}")
    data = study.user_attrs[kind.__name__.lower()]
    assert is_kept(data, recorded(revived(data, kind)))


def is_kept(data, again):
    """Whether everything in the data is there again; a later version may have added fields."""
    if isinstance(data, dict):
        return all(key in again and is_kept(value, again[key]) for key, value in data.items())
    if isinstance(data, list):
        return len(data) == len(again) and all(map(is_kept, data, again))
    return data == again


def test_no_trial_of_an_earlier_version_loses_anything(written_before):
    storage = f"sqlite:///{written_before}"
    (study,) = optuna.get_all_study_summaries(storage)
    for trial in optuna.load_study(study_name=study.study_name, storage=storage).get_trials():
        data = trial.user_attrs["trial"]
        assert is_kept(data, recorded(revived(data, Trial)))


def test_a_search_goes_on_with_a_study_of_an_earlier_version(written_before):
    (result,) = read_results(str(written_before))
    target = " + ".join(result.setting.targets)
    with closing(Study(written_before, result.model, result.host, target)) as study:
        assert study.trials() == result.trials


def test_a_load_and_the_wait_of_a_batch_are_kept(written_before):
    (result,) = read_results(str(written_before))
    setting = replace(result.setting, question=Question("cpu", (), Load(60.0, seed=3)))
    assert revived(recorded(setting), Setting) == setting
    traced = replace(setting, question=Question("cpu", (), recorded_load([0, 1, 3], "t.csv", "1a2b")))
    assert str(revived(recorded(traced), Setting).question) == str(traced.question)  # without the times
    trial = result.trials[0]
    waiting = replace(trial, configuration=replace(trial.configuration, max_wait_ms=35.0))
    assert revived(recorded(waiting), Trial) == waiting


def test_on_how_many_hosts_an_answer_holds_is_kept_and_written_everywhere(written_before, tmp_path):
    (result,) = read_results(str(written_before))
    outcome = replace(result.outcome, travel=Travel(hosts=8, finals=2, held=1))
    again = replace(result, outcome=revived(recorded(outcome), Outcome))
    assert again.outcome.travel == Travel(8, 2, 1)
    write_advice(make_advice(again), tmp_path / "config.yaml")
    (advice,) = read(tmp_path / "config.yaml")
    assert (advice.hosts.measured, advice.hosts.finals, advice.hosts.held) == (8, 2, 1)
    sentence = "8 measured; the final was held on 2, and its answer holds on 1 of them"
    assert f"  hosts    {sentence}" in list(
        answers.summary(again, tmp_path / "config.yaml", tmp_path / "study.db")
    )
    assert view(again, usage(again, None, "study.db")).reproduce["hosts"] == sentence
    assert make_advice(result).hosts is None
