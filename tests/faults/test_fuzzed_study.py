"""Studies that are damaged in a few places: they are read, or refused in one sentence."""

import json
import shutil
import sqlite3
from contextlib import closing
from functools import cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.advice.advice_of import HOST, result_of
from tests.faults.mutating import ANYTHING, edited, edits_of
from tests.faults.refusing import worked_or_refused
from tests.report.results import GAINING
from tests.simulation import MODEL, simulate
from tests.study.test_reading import saved
from tuner.commands.report import report
from tuner.study.reading import read_results
from tuner.study.records import recorded
from tuner.study.storage import Study

FORMATS = ("md", "csv", "json")

quickly = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)  # fmt: skip
at_length = settings(quickly, max_examples=40)


@cache
def small():
    """A short search with a final, which is read in a moment."""
    return result_of(simulate(GAINING, budget_s=30, trials=6), MODEL)


ATTRIBUTES = {
    "setting": lambda: recorded(small().setting),
    "outcome": lambda: recorded(small().outcome),
    "final": lambda: recorded(small().final),
    "trial": lambda: recorded(small().trials[-1]),
    "hint": lambda: recorded(small().trials[0]),
}


@cache
def attribute(name):
    return ATTRIBUTES[name]()


def damaged(name):
    return st.tuples(st.just(name), st.deferred(lambda: edits_of(attribute(name))))


DAMAGE = st.sampled_from(sorted(ATTRIBUTES)).flatmap(damaged)
COLUMNS = st.sampled_from(
    [
        ("study_user_attributes", "key"), ("study_user_attributes", "value_json"), ("studies", "study_name"),
        ("study_directions", "direction"), ("trials", "state"), ("trials", "number"), ("trials", "datetime_start"),
        ("trial_params", "param_value"), ("trial_params", "distribution_json"), ("trial_params", "param_name"),
        ("trial_values", "value"), ("trial_values", "value_type"), ("trial_values", "objective"),
        ("trial_intermediate_values", "intermediate_value"), ("trial_user_attributes", "value_json"),
        ("trial_user_attributes", "key"), ("version_info", "schema_version"), ("alembic_version", "version_num"),
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("study") / "study.db", small())


@pytest.fixture
def change(valid, tmp_path):
    """Run a statement of SQL on a copy of the study, and read it in every way."""

    def changed(statement, *values):
        path = tmp_path / "study.db"
        shutil.copyfile(valid, path)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement, values)
        return path

    return changed


def use(path, formats=FORMATS):
    """Do with a study what `tuner report` and a search that goes on do."""
    with worked_or_refused():
        read_results(str(path))
    with worked_or_refused():
        report([str(path)], formats)
    with worked_or_refused(), closing(Study(path, MODEL, HOST, "CPU")) as study:
        study.trials()


def use_damaged(change, damage, formats=FORMATS):
    name, edits = damage
    text = json.dumps(edited(attribute(name), edits))
    if name in {"trial", "hint"}:
        number = len(small().trials) - 1 if name == "trial" else 0
        which = "key = 'trial' and trial_id = (select trial_id from trials where number = ?)"
        use(change(f"update trial_user_attributes set value_json = ? where {which}", text, number), formats)
    else:
        use(change("update study_user_attributes set value_json = ? where key = ?", text, name), formats)


@quickly
@given(damage=DAMAGE)
@example(damage=("trial", [(("rounds", 0, "rates_fps"), "set", [])]))
@example(damage=("final", [(("rounds", 0, "order"), "set", [])]))
@example(damage=("setting", [(("targets",), "set", ["\ud800"])]))
@example(damage=("outcome", [(("importance",), "set", {"batch": float("nan")})]))
def test_a_study_with_a_damaged_attribute_is_read_or_refused(change, damage):
    use_damaged(change, damage)


@pytest.mark.slow
@at_length
@given(damage=DAMAGE)
def test_a_study_with_a_damaged_attribute_is_read_or_refused_at_length(change, damage):
    use_damaged(change, damage, (*FORMATS, "html"))


@quickly
@given(
    column=COLUMNS,
    value=st.one_of(ANYTHING.map(json.dumps), st.integers(-9, 9), st.none(), st.binary(max_size=4)),
)
def test_a_study_with_a_damaged_column_is_read_or_refused(change, column, value):
    table, name = column
    use(change(f"update or ignore {table} set {name} = ?", value))
