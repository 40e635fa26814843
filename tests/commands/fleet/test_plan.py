"""A plan is read into pairs, or refused with everything that is wrong with it."""

import inspect
import json
import random
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

import tuner
from tests.advice.test_advice import ordered
from tests.commands.fleet.plans import TWO_MODELS, write
from tests.docs.documents import ROOT, blocks
from tuner.commands.asked import asked_of
from tuner.commands.fleet import plan as plan_file
from tuner.commands.fleet.pairs import BUDGET, Pair
from tuner.commands.fleet.plan import Options, json_schema
from tuner.commands.fleet.problems import as_fields
from tuner.commands.fleet.reading import read_plan
from tuner.errors import PlanError

NOT_IN_A_PLAN = {"model", "output", "observer", "command", "ray", "hosts"}


def refused(folder, text, *models, **options):
    with pytest.raises(PlanError) as caught:
        read_plan(write(folder, text, *models), **options)
    return [problem.removeprefix(f"{folder}/plan.yaml:") for problem in caught.value.problems]


def test_a_plan_takes_every_option_of_a_search():
    assert set(Options.__struct_fields__) == set(inspect.signature(tuner.search).parameters) - NOT_IN_A_PLAN
    ours, theirs = inspect.signature(asked_of).parameters, inspect.signature(tuner.search).parameters
    assert {name: ours[name].default for name in ours} == {name: theirs[name].default for name in ours}
    assert theirs["budget"].default == BUDGET


def test_pairs_are_models_times_questions_times_kinds_with_the_options_of_all(tmp_path):
    text = TWO_MODELS + "ray: auto\nkinds:\n  epyc: {hosts: kind=epyc, seed: 7}\n  xeon: {hosts: kind=xeon}\n"
    text = text.replace("large.xml,", "large.xml, kinds: [xeon],")
    pairs = read_plan(write(tmp_path, text))
    assert [str(pair) for pair in pairs] == [
        "small, fast, epyc",
        "small, fast, xeon",
        "small, calm, epyc",
        "small, calm, xeon",
        "large, fast, xeon",
        "large, calm, xeon",
    ]
    assert pairs[0].options == {"budget": "60s", "seed": 7}
    assert (pairs[0].ray, pairs[0].hosts) == ("auto", "kind=epyc")
    assert pairs[5].options == {
        "budget": "5m", "seed": 0, "objective": "cpu", "rate": 10, "max_latency": "50ms",
    }  # fmt: skip
    assert pairs[5].seconds == 300
    assert pairs[5].folder == tmp_path / "reports" / "plan" / "large" / "calm" / "xeon"


def test_the_least_plan_is_one_model_on_this_host(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (pair,) = read_plan(write(tmp_path, "models: {m: {model: m.xml}}", "m").relative_to(tmp_path))
    assert (str(pair), pair.seconds, str(pair.path)) == ("m, throughput, here", 60, "m.xml")
    assert pair.command == ("tuner.search('m.xml', budget='60s', output='reports/plan/m/throughput/here')")
    assert asked_of(pair.path, **pair.arguments).budget_s == 60


def test_without_kinds_ray_searches_on_the_whole_cluster_and_one_kind_needs_no_ray_on_its_own_host(tmp_path):
    (pair,) = read_plan(write(tmp_path, "ray: auto\nmodels: {m: {model: m.xml}}", "m"))
    assert (pair.kind, pair.arguments["ray"]) == ("cluster", "auto")
    assert "hosts" not in pair.arguments
    text = "ray: auto\nkinds: {a: {hosts: k=a}, b: {hosts: k=b}}\nmodels: {m: {model: m.xml}}"
    both = read_plan(write(tmp_path, text, "m"), kind="a")
    assert [(pair.kind, pair.ray, pair.hosts) for pair in both] == [("a", None, None), ("b", None, None)]


def test_counts_are_written_as_on_the_command_line_and_paths_begin_at_the_plan(tmp_path):
    (tmp_path / "photos").mkdir()
    text = "models: {m: {model: m.xml, batch: 1-4, streams: '1,hint', requests: 2, inputs: {x: photos}}}"
    (pair,) = read_plan(write(tmp_path, text, "m"))
    assert pair.options == {
        "streams": [1, "hint"], "batch": [1, 2, 4], "requests": [2], "inputs": {"x": str(tmp_path / "photos")},
    }  # fmt: skip


def test_everything_that_is_wrong_is_said_at_once_with_its_line(tmp_path):
    text = """\
defaults: {budget: soon, seeds: 1}
outputs: x
kinds:
  epyc: {hosts: epyc}
  xeon:
models:
  small: {model: small.xml, kinds: [xeno], batch: 0}
  gone: {model: gone.xml, questions: [calm]}
  ../up: {model: small.xml}
  none: {}
questions:
  calm: {objective: cup, rate: -1, max_latency: [50, 2]}
"""
    assert refused(tmp_path, text) == [
        "1: defaults.seeds: unknown field `seeds`, the nearest one is `seed`.",
        "1: defaults.budget: 'soon' is not a duration; give for example 90s or 5m, at least 1s.",
        "2: outputs: unknown field `outputs`, the nearest one is `output`.",
        "3: kinds: hosts of several kinds need a Ray cluster; give its address, ray: auto, or search each kind "
        "on a host of its own with 'tuner fleet --kind NAME'.",
        "4: kinds.epyc.hosts: 'epyc' is not a list of labels; give for example 'kind=xeon,zone=a'.",
        "7: models.small.batch: [0] is not a list of counts from 1 to 1048576; give for example [1, 2, 8].",
        "7: models.small.kinds.0: 'xeno' is none of the plan's kinds, the nearest one is `xeon`.",
        f"8: models.gone.model: '{tmp_path}/gone.xml' is not there, or no model; give an IR (.xml), ONNX or other "
        "model file.",
        "9: models.../up: '../up' cannot be a name, as it becomes a folder; give up to 64 letters, digits, '-', '_' and "
        "'.', a letter or digit first.",
        "10: models.none: missing required field `model`.",
        "12: questions.calm.objective: Invalid enum value 'cup'.",
        "12: questions.calm.max_latency: Expected `str`, got `int`.",
        "12: questions.calm.rate: '-1' is not a number of arrivals per second above 0; give for example 200 or 0.5.",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://team:s3cr3t@db/studies",
        "postgresql://db/studies?password=s3cr3t",
        "postgresql://team:s3cr3t\\'x@db/studies",
    ],
)
def test_a_password_is_not_kept_in_a_plan_and_shown_nowhere(tmp_path, url):
    (said,) = refused(tmp_path, f"models: {{m: {{model: m.xml, storage: {json.dumps(url)}}}}}", "m")
    assert said.startswith("1: models.m.storage: 'postgresql://")
    assert "give env:NAME" in said
    assert "s3cr3t" not in said
    pair = Pair("m", "q", "here", tmp_path / "m.xml", tmp_path, {"storage": url})
    assert "s3cr3t" not in pair.command
    assert pair.arguments["storage"] == url


def test_a_plan_names_a_variable_or_a_server_without_a_password(tmp_path, monkeypatch):
    monkeypatch.setenv("TEAM", "postgresql://team:s3cr3t@db/studies")
    for storage in ("env:TEAM", "postgresql://team@db/studies"):
        (pair,) = read_plan(write(tmp_path, f"models: {{m: {{model: m.xml, storage: '{storage}'}}}}", "m"))
        assert pair.options["storage"] == storage
        assert f"storage='{storage}'" in pair.command


def test_a_storage_that_is_no_server_is_said_with_the_rest(tmp_path):
    text = "models: {m: {model: m.xml, storage: 'sqlite:///x.db'}, n: {model: m.xml, storage: 'env:NOT_SET'}}"
    first, second = refused(tmp_path, text, "m")
    assert "is not the URL of a PostgreSQL or MySQL server" in first
    assert "NOT_SET" in second


def test_what_contradicts_itself_is_said_where_it_belongs(tmp_path):
    text = (
        TWO_MODELS.replace("objective: cpu, ", "") + "  held: {objective: rate, rate: 5, max_latency: 9ms}\n"
    )
    assert refused(tmp_path, text) == [
        "7: questions.calm: rate: 10 fixes the throughput, so there is none to gain; give objective: 'latency' for "
        "the lowest p99 latency at that rate, or objective: 'cpu' for the least CPU time; or leave it out for "
        "objective: 'rate', which finds the highest rate within max_latency.",
        "8: questions.held: objective: 'rate' finds the rate of arrivals; leave rate and arrivals out.",
    ]
    text = TWO_MODELS.replace("budget: 5m", "up_to: 30s")
    assert refused(tmp_path, text) == [
        "4: models.large: up_to: 30s is less than budget: 60s; give more, or leave it out."
    ]
    text = TWO_MODELS.replace("seed: 0", "copies: 2, max_error: 1%")
    found = refused(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith("1: in every pair, max_error: '1%' limits the difference")


@pytest.mark.parametrize(
    ("text", "options", "sentences"),
    [
        ("", {}, ["1: there are no models; give for example models: {resnet: {model: resnet50.xml}}."]),
        ("- 1", {}, ["1: expected fields like {models: {resnet: {model: resnet50.xml}}}, got [1].",
                     "1: there are no models; give for example models: {resnet: {model: resnet50.xml}}."]),
        ("models: {m: m.xml}", {}, ["1: models.m: expected fields like {budget: 60s}, got 'm.xml'.",
                                    "1: models.m: missing required field `model`."]),
        ("models: {m: {model: m.xml}}\nkinds: {a: {hosts: k=a}}", {},
         ["2: kinds.a.hosts: it is a label of Ray's; give the cluster's address, ray: auto."]),
        ("models: {m: {model: m.xml}}\nray: auto\nkinds:\n  a: {hosts: k=a}\n  b: {hosts: k=a}\n  c: {}", {},
         ["5: kinds.b.hosts: 'k=a' are the hosts of the kind 'a' already.",
          "6: kinds.c: it has no hosts; give the labels of its nodes, hosts: kind=epyc."]),
        ("models: {m: {model: m.xml}}\nkinds: {epyc: {}}", {"kind": "epic"},
         ["2: kinds: there is no kind 'epic', the nearest one is `epyc`."]),
        ("models: {m: {model: m.xml, kinds: [a]}}\nkinds: {a: {}, b: {}}", {"kind": "b"},
         ["2: kinds: no model is searched on the kind 'b'."]),
        ("models: {on: {model: m.xml}}", {}, ["1: models.True: True is not text; put it into quotes."]),
        ("models: {m: {model: ''}}", {}, ["1: models.m.model: The model's path is empty; give the path of an IR "
                                          "(.xml), ONNX or other model file."]),
        ("output: 3\nmodels: {m: {model: m.xml}}", {}, ["1: output: expected text, got 3."]),
        ("models: {m: {model: m.xml, arrivals: no.csv}}", {}, None),
        ("models: {m: {model: m.xml, plugins: no.xml}}", {}, None),
    ],
)  # fmt: skip
def test_odd_plans_are_refused(tmp_path, text, options, sentences):
    found = refused(tmp_path, text, "m", **options)
    if sentences is None:
        assert len(found) == 1
        assert "no." in found[0]
    else:
        assert found == sentences


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"models: {m: {model: m.xml}, m: {model: m.xml}}", "'m' is there twice"),
        (b"a: &a [1]\nb: *a\n", "it has aliases"),
        (b"models: {\n", r"plan.yaml:2: it is not valid YAML \(did not find expected node content\)"),
        (b"\xff\xfe", "it is not valid YAML"),
    ],
)
def test_a_file_that_is_no_plan_is_refused_in_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "plan.yaml"
    path.write_bytes(content)
    with pytest.raises(PlanError, match=sentence) as caught:
        read_plan(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(PlanError, match=r"cannot be read \(No such file or directory\)"):
        read_plan(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("give shapes={'ids': (1,), 's': (1, 8)}.", "give shapes: {'ids': [1], 's': [1, 8]}."),
        (
            "budget=2s is too short; leave rate= and arrivals= out",
            "budget: 2s is too short; leave rate and arrivals out",
        ),
        ("'budget=x.xml' is none", "'budget=x.xml' is none"),
    ],
)
def test_parameters_become_fields(sentence, shown):
    assert as_fields(sentence) == shown


@pytest.mark.parametrize(
    ("before", "now", "is_known"),
    [
        ({}, {}, True),
        ({"budget": "5m"}, {"budget": 300}, True),
        ({"budget": "5m"}, {"budget": "60s"}, True),
        ({"budget": "60s"}, {"budget": "5m"}, False),
        ({}, {"up_to": "5m"}, False),
        ({"up_to": "5m"}, {}, True),
        ({"trials": 9}, {}, False),
        ({}, {"trials": 9}, True),
        ({"trials": 9}, {"trials": 10}, False),
        ({"batch": [1, 2]}, {"batch": [1]}, False),
        ({"seed": 1}, {}, False),
    ],
)
def test_the_same_with_no_less_time_and_trials_has_been_asked_before(tmp_path, before, now, is_known):
    then = Pair("m", "q", "k", tmp_path / "m.xml", tmp_path / "then", before, "auto", "k=a")
    pair = Pair("m", "q", "k", tmp_path / "m.xml", tmp_path, now, "ray://other", "k=a")
    assert pair.asks_no_more_than(then.command) == is_known


def test_other_calls_and_other_hosts_are_not_the_same(tmp_path):
    pair = Pair("m", "q", "k", tmp_path / "m.xml", tmp_path)
    assert pair.asks_no_more_than(pair.command)
    for other in ("tuner search m.xml", "tuner.search('m.xml', budget=f())", "print(1)", "(" * 999, ""):
        assert not pair.asks_no_more_than(other)
    assert not pair.asks_no_more_than(Pair("m", "q", "k", pair.path, pair.folder, {}, "auto", "k=a").command)


def test_the_shipped_schema_is_that_of_the_records_and_takes_a_plan():
    shipped = Path(plan_file.__file__).with_name("plan.schema.json").read_bytes()
    assert ordered(json.loads(shipped)) == ordered(json.loads(json_schema()))
    validator = jsonschema.Draft202012Validator(json.loads(shipped))
    plan = yaml.safe_load(TWO_MODELS)
    validator.validate(plan)
    plan["questions"]["calm"]["rat"] = 9
    assert not validator.is_valid(plan)


def test_the_plan_that_is_documented_has_the_pairs_that_it_says(tmp_path):
    (shown,) = blocks(ROOT / "docs" / "fleet.md", "yaml")
    (tmp_path / "models").mkdir()
    pairs = read_plan(write(tmp_path, shown, "models/resnet50", "models/bert"))
    assert len(pairs) == 6
    assert {pair.kind for pair in pairs if pair.model == "bert"} == {"xeon"}


def test_a_pair_is_a_call_of_a_search(tmp_path):
    text = (
        "ray: auto\nkinds: {a: {hosts: 'k=a,zone=1', batch: 4}, b: {hosts: k=b}}\nmodels: {m: {model: m.xml}}"
    )
    pair = read_plan(write(tmp_path, text, "m"))[0]
    call = inspect.signature(tuner.search).bind(pair.path, **pair.arguments).arguments
    assert (call["ray"], call["hosts"], call["batch"]) == ("auto", "k=a,zone=1", [4])


VALUES = (
    "null",
    "[]",
    "{}",
    "-1",
    "true",
    ".nan",
    "2020-01-01",
    "[1, [2]]",
    "{a: b}",
    "''",
    "!!set {a}",
    "9" * 30,
)


def test_a_broken_plan_is_refused_and_never_more_than_that(tmp_path):
    text = (
        TWO_MODELS
        + "kinds: {here: {cpuset: 0-1, cpus: 1.5, shapes: {x: [1, 2]}, batch: 1-4, beside: sleep 5}}\n"
    )
    path = write(tmp_path, text)
    assert len(read_plan(path)) == 4
    rng, places = random.Random(1), [found.end() for found in re.finditer(": ", text)]
    for _ in range(150):
        at, cut = rng.choice(places), rng.randrange(len(text))
        end = min(text.find(mark, at) for mark in ",}\n" if text.find(mark, at) >= 0)
        other = text[:at] + rng.choice(VALUES) + text[end:]
        path.write_text(rng.choice([other, text[:cut] + text[cut + rng.randint(1, 9) :]]))
        problems, pairs = [""], []
        try:
            pairs = read_plan(path)
        except PlanError as error:
            problems = error.problems
        assert problems
        assert not any("\n" in problem for problem in problems)
        assert all(pair.asks_no_more_than(pair.command) for pair in pairs)
