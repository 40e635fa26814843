"""A model is searched on each kind of host of a cluster; the searches themselves are stand-ins."""

import numpy as np
import pytest

import tuner
from tests.commands.fleet.plans import UNREADABLE, Searches
from tests.report.results import won
from tuner.advice.loader import read
from tuner.commands.fleet import mixed
from tuner.errors import ModelError, StorageError, UsageError


@pytest.fixture
def searches(monkeypatch):
    """Searches of one kind after the other: a stand-in cannot be sent to a process of each kind."""
    stand_in = Searches()
    monkeypatch.setattr("tuner.commands.fleet.fleet.search_pair", stand_in)
    monkeypatch.setattr("tuner.commands.fleet.running._run_kinds", _one_after_the_other)
    return stand_in


def _one_after_the_other(states, kinds, search, tell, stopped):
    from tuner.commands.fleet.running import attempt

    for state in states:
        tell(attempt(state, search, tell))


@pytest.fixture
def on(tmp_path, monkeypatch, searches):
    """Search a model on a cluster that has the kinds that are given, each with why it cannot be searched."""
    (tmp_path / "m.xml").write_text("<net name='m'/>")

    def search(kinds, **options):
        monkeypatch.setattr(mixed, "kinds_of_hosts", lambda *_: kinds)
        options = {"output": tmp_path / "out", **options}
        return tuner.search_kinds(tmp_path / "m.xml", ray="auto", **options)

    return search


def cpus(folder):
    return [advice.host.cpu for advice in read(folder)]


def test_each_kind_is_searched_on_its_own_hosts_and_the_advice_has_a_profile_for_each(on, searches, tmp_path):
    done = on({"a": None, "b": None}, hosts="zone=x", seed=3, batch=np.array([1, 2]), inputs={"x": tmp_path})
    assert searches.asked == ["m, throughput, a", "m, throughput, b"]
    assert [state.pair.hosts for state in done.states] == ["zone=x,tuner.kind=a", "zone=x,tuner.kind=b"]
    assert done.states[0].pair.arguments == {
        "budget": "60s", "seed": 3, "batch": [1, 2], "inputs": {"x": str(tmp_path)}, "ray": "auto",
        "output": str(tmp_path / "out" / "a"), "hosts": "zone=x,tuner.kind=a",
    }  # fmt: skip
    assert done.exit_code == 0
    assert cpus(tmp_path / "out") == ["a CPU", "b CPU"]
    assert done.configs == (tmp_path / "out" / "config.yaml",)
    assert done.index == tmp_path / "out" / "index.html"


def test_a_kind_that_is_asked_for_keeps_the_other_labels(on):
    (state,) = on({"a": None}, hosts="tuner.kind=a,zone=x").states
    assert state.pair.hosts == "tuner.kind=a,zone=x"


def test_a_single_kind_has_the_same_files(on, tmp_path):
    on({"a": None})
    assert cpus(tmp_path / "out") == ["a CPU"]
    assert (tmp_path / "out" / "a" / "report.html").is_file()


def test_the_answer_of_a_kind_that_fails_or_is_gone_stays(on, searches, tmp_path):
    on({"a": None, "b": None})
    searches.endings["m"] = UNREADABLE
    done = on({"b": None})
    assert {state.pair.kind: state.stage for state in done.states} == {"b": "failed", "a": "elsewhere"}
    assert done.exit_code == 3
    assert sorted(cpus(tmp_path / "out")) == ["a CPU", "b CPU"]
    searches.endings["m"] = won()
    again = on({"a": None, "b": None})
    assert len(searches.asked) == 2 + 1 + 2
    assert again.exit_code == 0


def test_a_kind_on_whose_hosts_nothing_can_run_is_named_and_the_others_are_searched(on, searches):
    done = on({"a": None, "b": "OpenVINO is 2025.4, here 2026.4; install the same versions on all hosts."})
    assert searches.asked == ["m, throughput, a"]
    assert (done.states[1].stage, done.exit_code) == ("failed", 3)
    assert "OpenVINO is 2025.4" in done.index.read_text()


def test_files_of_a_search_of_one_kind_are_kept(on, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "study.db").write_text("a study")
    with pytest.raises(StorageError, match="study of a search of one kind of host"):
        on({"a": None})


def test_a_search_of_one_kind_does_not_replace_the_advice_of_several(on, tmp_path):
    on({"a": None, "b": None})
    with pytest.raises(StorageError, match="holds the advice of several hosts"):
        tuner.search(tmp_path / "m.xml", output=tmp_path / "out")
    assert cpus(tmp_path / "out") == ["a CPU", "b CPU"]


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"plugins": "p.xml"}, UsageError, "cannot be sent to others"),
        ({"command": "x"}, UsageError, "command= is written for each kind"),
        ({"budget": "soon"}, UsageError, "'soon' is not a duration"),
        ({"storage": "sqlite:///x.db"}, UsageError, "not the URL of a PostgreSQL or MySQL server"),
    ],
)
def test_what_is_wrong_is_refused_before_a_cluster_is_asked(tmp_path, monkeypatch, options, error, sentence):
    (tmp_path / "m.xml").write_text("<net name='m'/>")
    monkeypatch.setattr(mixed, "kinds_of_hosts", lambda *_: pytest.fail("it was asked"))
    with pytest.raises(error, match=sentence):
        tuner.search_kinds(tmp_path / "m.xml", ray="auto", output=tmp_path / "out", **options)
    with pytest.raises(ModelError, match="No model at"):
        tuner.search_kinds(tmp_path / "none.xml", ray="auto", output=tmp_path / "out")
