"""A plan is carried out: longest first, what fails alone, going on, one YAML and one index over all."""

from dataclasses import replace

import pytest

import tuner
from tests.commands.fleet.plans import TWO_MODELS, UNREADABLE, Searches, saved, write
from tests.report.results import interrupted, single, unmet, won
from tuner.advice.loader import read
from tuner.commands.fleet.fleet import fleet
from tuner.commands.fleet.known import known_answers
from tuner.commands.fleet.reading import read_plan
from tuner.domain.result import Notice
from tuner.domain.support import HOSTS_GONE
from tuner.errors import Interrupted, PlanError, UnsavedError

ONE_PAIR = "defaults: {budget: 60s, seed: 0}\nmodels: {small: {model: small.xml}}\nquestions: {fast: {}}\n"


@pytest.fixture
def searches(monkeypatch):
    stand_in = Searches()
    monkeypatch.setattr("tuner.commands.fleet.fleet.search_pair", stand_in)
    return stand_in


@pytest.fixture
def plan(tmp_path):
    return write(tmp_path, TWO_MODELS)


def is_known(plan):
    """Return whether each pair of a plan is answered already."""
    return [answer is not None for answer in known_answers(read_plan(plan))]


def stages(done):
    return {str(state.pair).removesuffix(", here"): state.stage for state in done.states}


def test_every_pair_is_searched_the_longest_first_each_in_a_folder_of_its_own(plan, searches):
    heard = []
    done = fleet(plan, observer=heard.append)
    assert searches.asked == [
        "large, fast, here",
        "large, calm, here",
        "small, fast, here",
        "small, calm, here",
    ]
    assert set(stages(done).values()) == {"answered"}
    assert done.exit_code == 0
    assert [state.stage for state in heard[:4]] == ["waiting"] * 4
    assert [(state.stage, state.doing) for state in heard if str(state.pair) == "small, fast, here"] == [
        ("waiting", ""),
        ("searching", "starting"),
        ("searching", "starting"),  # and its time passes
        ("searching", "reading the model"),
        ("answered", ""),
    ]
    assert done.configs == tuple(
        plan.parent / "reports" / "plan" / model / question / "config.yaml"
        for model in ("small", "large")
        for question in ("fast", "calm")
    )


def test_a_model_and_question_have_one_yaml_with_a_profile_for_each_kind(tmp_path, searches, monkeypatch):
    text = "kinds: {epyc: {}, xeon: {}}\nmodels: {m: {model: m.xml}}"
    plan = write(tmp_path, text, "m")
    first = fleet(plan, kind="epyc", output=tmp_path / "out")
    assert stages(first) == {"m, throughput, epyc": "answered", "m, throughput, xeon": "elsewhere"}
    assert first.exit_code == 0
    done = fleet(plan, kind="xeon", output=tmp_path / "out")
    assert set(stages(done).values()) == {"answered"}
    assert searches.asked == ["m, throughput, epyc", "m, throughput, xeon"]
    assert [advice.host.cpu for advice in read(tmp_path / "out" / "m" / "throughput")] == [
        "epyc CPU",
        "xeon CPU",
    ]
    assert done.configs == (tmp_path / "out" / "m" / "throughput" / "config.yaml",)


def test_kinds_whose_hosts_are_the_same_have_one_profile(tmp_path, searches):
    plan = write(tmp_path, "kinds: {a: {}, b: {}}\nmodels: {m: {model: m.xml}}", "m")
    fleet(plan, kind="a")
    pair = read_plan(plan, "b")[1]
    saved(replace(pair, kind="a"), won())
    done = fleet(plan, kind="b")
    (advice,) = read(done.configs[0])
    assert advice.host.cpu == "a CPU"


def test_a_pair_that_fails_does_not_stop_the_others(plan, searches):
    searches.endings["large"] = UNREADABLE
    done = fleet(plan)
    assert stages(done) == {
        "small, fast": "answered", "small, calm": "answered", "large, fast": "failed", "large, calm": "failed",
    }  # fmt: skip
    assert done.exit_code == 3
    assert done.states[2].doing == str(UNREADABLE)
    assert len(done.configs) == 2
    searches.endings["large"] = ZeroDivisionError("a mistake of the program")
    assert fleet(plan).states[2].doing == "ZeroDivisionError: a mistake of the program"
    searches.endings["large"] = MemoryError()
    assert fleet(plan).states[2].doing == "there is no memory left; every finished trial is saved"
    assert len(searches.asked) == 4 + 2 + 2
    searches.endings["large"] = UnsavedError("The report cannot be written.", won(), [])
    done = fleet(plan)
    assert done.states[2].stage == "failed"
    assert done.states[2].result.verdict.kind == "faster"


def test_the_exit_code_says_that_nothing_keeps_the_limits(plan, searches):
    searches.endings["small"] = unmet()
    text = plan.read_text().replace("max_latency: 50ms", "max_latency: 0.2ms")
    plan.write_text(text)
    assert fleet(plan).exit_code == 1


def test_the_same_command_searches_only_what_has_no_answer_yet(plan, searches):
    searches.endings["large"] = UNREADABLE
    fleet(plan)
    searches.endings.clear()
    searches.asked.clear()
    done = fleet(plan)
    assert searches.asked == ["large, fast, here", "large, calm, here"]
    assert [state.is_known for state in done.states] == [True, True, False, False]
    assert done.states[0].result.verdict.kind == "faster"
    assert len(done.configs) == 4
    searches.asked.clear()
    assert fleet(plan).exit_code == 0
    assert searches.asked == []
    fleet(plan, again=True)
    assert len(searches.asked) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda folder, text: text.replace("budget: 60s", "budget: 90s"),
        lambda folder, text: text.replace("seed: 0", "seed: 1"),
        lambda folder, text: (folder / "small" / "fast" / "here" / "config.yaml").unlink(),
        lambda folder, text: (folder / "small" / "fast" / "here" / "study.db").write_bytes(b"damaged"),
        lambda folder, text: (folder.parents[1] / "small.xml").write_text("another model"),
    ],
    ids=["more budget", "another seed", "no advice", "a damaged study", "another model"],
)
def test_an_answer_counts_only_for_the_same_entry_and_model(tmp_path, searches, change):
    plan = write(tmp_path, ONE_PAIR)
    fleet(plan)
    assert is_known(plan)[0]
    text = change(plan.parent / "reports" / "plan", plan.read_text())
    if isinstance(text, str):
        plan.write_text(text)
    assert not is_known(plan)[0]


def test_less_budget_and_another_folder_to_start_from_are_no_reason_to_search_again(
    tmp_path, searches, monkeypatch
):
    plan = write(tmp_path, ONE_PAIR)
    fleet(plan)
    plan.write_text(plan.read_text().replace("budget: 60s", "budget: 30s"))
    monkeypatch.chdir(plan.parent)
    assert is_known(plan.name) == [True]


def test_ctrl_c_ends_the_plan_and_the_same_command_goes_on(plan, searches):
    searches.endings["large"] = interrupted()
    done = fleet(plan)
    assert searches.asked == ["large, fast, here"]
    assert stages(done)["large, fast"] == "stopped"
    assert done.interrupted
    assert done.exit_code == 4
    searches.asked.clear()
    searches.endings["large"] = Interrupted("stopped while waiting for another search")
    assert stages(fleet(plan))["large, fast"] == "stopped"
    searches.endings.clear()
    assert fleet(plan).exit_code == 0
    assert len(searches.asked) == 1 + 4


def test_a_search_whose_cluster_is_lost_has_failed_alone_and_is_searched_again(plan, searches):
    searches.endings["large"] = interrupted()
    searches.warned["large"] = Notice(HOSTS_GONE, "The search was cut short: every host is gone.")
    done = fleet(plan)
    failed = [state for state in done.states if state.stage == "failed"]
    assert [state.pair.model for state in failed] == ["large", "large"]
    assert failed[0].doing == "The search was cut short: every host is gone."
    assert done.exit_code == 3
    assert sorted(is_known(plan)) == [False, False, True, True]


def test_a_search_that_was_killed_is_no_answer(plan, searches):
    pairs = read_plan(plan)
    saved(pairs[0], won())
    assert is_known(plan)[0]
    saved(pairs[0], won(), is_whole=False)
    assert not is_known(plan)[0]


def test_an_answer_that_a_longer_run_did_not_improve_is_known_as_that_of_the_longer_run(plan, searches):
    """The study keeps the earlier outcome then, with the earlier run in it."""
    pairs = read_plan(plan)
    saved(pairs[0], won())
    longer = replace(pairs[0], options={**pairs[0].options, "budget": "9m"})
    kept = saved(longer, single())
    assert kept.run.command == pairs[0].command
    plan.write_text(plan.read_text().replace("budget: 60s", "budget: 9m"))
    assert is_known(plan)[0]


def test_in_python_it_is_tuner_fleet(plan, searches):
    done = tuner.fleet(plan)
    assert isinstance(done, tuner.FleetResult)
    assert [advice.verdict for advice in read(done.configs[0])] == ["faster"]


def test_a_plan_for_a_cluster_needs_ray(tmp_path, searches, monkeypatch):
    monkeypatch.setattr("tuner.commands.fleet.fleet.find_spec", lambda _: None)
    plan = write(tmp_path, "ray: auto\nmodels: {m: {model: m.xml}}", "m")
    with pytest.raises(
        PlanError, match=r"plan.yaml: ray: the package is not installed; install openvino-tuner\[ray\]"
    ):
        fleet(plan)
    assert searches.asked == []
    monkeypatch.setattr("tuner.commands.fleet.fleet.find_spec", lambda _: "there")
    assert fleet(plan).exit_code == 0
