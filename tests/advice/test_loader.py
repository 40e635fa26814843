"""What is loaded where: hosts compared, several in one file, and files that are no advice."""

import random
import warnings
from dataclasses import replace

import msgspec
import pytest
import yaml

import tuner
from tests import models
from tests.advice.advice_of import HOST, advice_of
from tuner.advice.fingerprint import compare
from tuner.advice.fleet import merged
from tuner.advice.loader import fitting, load, read
from tuner.advice.records import HostRecord
from tuner.advice.writer import write_advice, write_fleet
from tuner.domain.host import Host
from tuner.errors import AdviceError
from tuner.probe.host import describe_host


@pytest.fixture
def advice(tmp_path):
    return advice_of(models.mlp(tmp_path / "m.xml"))


def on(advice, **changed):
    """The same advice as if it had been measured on a host that differs."""
    return msgspec.structs.replace(advice, host=msgspec.structs.replace(advice.host, **changed))


def written(advice, path):
    write_advice(advice, path)
    return path


@pytest.mark.parametrize(
    ("changed", "level", "reason"),
    [
        ({}, "same", ()),
        ({"cpu": "B CPU"}, "different", ("CPU: A CPU -> B CPU",)),
        ({"cores": 8}, "different", ("cores: 2 -> 8",)),
        ({"cgroup_cores": 1.5}, "different", ("cores: 2 -> 1.5",)),
        ({"cgroup_cores": 4.0}, "same", ()),
        ({"devices": {"CPU": "another"}}, "different", ("CPU: A CPU -> another",)),
        ({"devices": {}}, "different", ("CPU: A CPU -> none",)),
        ({"devices": {"CPU": "A CPU", "GPU": "new"}}, "same", ()),
        ({"openvino": "2027.1.0"}, "compatible", ("OpenVINO: 2026.4.1 -> 2027.1.0",)),
        ({"drivers": {"CPU": "5"}}, "compatible", ("driver of CPU: none -> 5",)),
        ({"drivers": {"NPU": "5"}}, "same", ()),
        ({"os": "Linux 7"}, "compatible", ("OS: Linux -> Linux 7",)),
        ({"memory_mb": 1090}, "same", ()),
        ({"memory_mb": 500}, "compatible", ("memory: 1000 MiB -> 500 MiB",)),
    ],
)
def test_hosts_are_the_same_compatible_or_different_with_reasons(changed, level, reason):
    fit = compare(HOST, replace(HOST, **changed), ("CPU",))
    assert (fit.level, fit.reasons) == (level, reason)


def test_advice_of_this_host_is_loaded_without_a_word(advice, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(written(advice, tmp_path / "config.yaml")) == advice


def test_another_version_of_openvino_is_no_reason_to_warn(advice, tmp_path):
    path = written(on(advice, openvino="2020.1"), tmp_path / "config.yaml")
    assert load(path, on_mismatch="error").fit().level == "compatible"


def test_a_strangers_advice_is_warned_about_refused_or_replaced_by_the_hint(advice, tmp_path):
    stranger = on(advice, cpu="B CPU", cores=64)
    path = written(stranger, tmp_path / "config.yaml")
    with pytest.warns(UserWarning, match=r"was measured elsewhere \(CPU: B CPU -> .*; cores: 64 -> "):
        assert load(path) == stranger
    with pytest.raises(AdviceError, match=r"measured elsewhere .*; search again on this host"):
        load(path, on_mismatch="error")
    hint = load(path, on_mismatch="hint")
    assert (hint.properties, hint.batch, hint.requests) == ({"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 0)
    assert hint.verdict == "keep_hint"
    compiled = hint.compile()
    assert len(list(hint.infer_many(compiled, [[0.0] * 16] * 3))) == 3


def test_a_hint_for_devices_that_are_not_here_is_run_on_the_processor(advice, tmp_path):
    far = msgspec.structs.replace(
        on(advice, devices={"GPU": "A GPU"}),
        baseline=msgspec.structs.replace(advice.baseline, device="GPU"),
        best=msgspec.structs.replace(advice.best, device="GPU"),
    )
    hint = load(written(far, tmp_path / "config.yaml"), on_mismatch="hint")
    assert (hint.device, hint.properties) == ("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    assert hint.compile() is not None


def test_a_model_that_changed_since_is_told_on_load(advice, tmp_path):
    path = written(advice, tmp_path / "config.yaml")
    models.mlp(tmp_path / "m.xml", shape=(-1, 16))
    with pytest.warns(UserWarning, match="is not the file that was measured"):
        load(path)
    with pytest.raises(AdviceError, match="is not the file that was measured"):
        load(path, on_mismatch="error")


def test_a_model_with_other_inputs_is_refused(advice, tmp_path):
    other = models.two_inputs_and_a_scalar(tmp_path / "other.xml")
    with (
        pytest.warns(UserWarning, match="is not the file"),
        pytest.raises(
            tuner.ModelError, match=r"has the inputs x f32, y f32, scale f32, the advice is for x f32; search"
        ),
    ):
        advice.compile(other)


def test_a_fleet_gives_every_host_its_own_advice(advice, tmp_path):
    here = describe_host()
    profiles = [on(advice, cores=64), on(advice, openvino="2020.1"), advice]
    write_fleet(profiles, tmp_path / "fleet.yaml")
    assert read(tmp_path / "fleet.yaml") == profiles
    assert load(tmp_path / "fleet.yaml") == advice
    assert fitting(profiles[:2], here).host.openvino == "2020.1"
    assert fitting(profiles[:1], here) == profiles[0]


def test_merging_takes_advice_for_one_model_on_different_hosts(advice, tmp_path):
    paths = [tmp_path / f"{number}.yaml" for number in range(3)]
    for path, cores in zip(paths, (2, 8, 8), strict=True):
        write_advice(on(advice, cores=cores), path)
    assert [one.host.cores for one in merged(paths[:2])] == [2, 8]
    with pytest.raises(
        AdviceError, match=r"1\.yaml' and '.*2\.yaml' are for the same host .* leave one file out"
    ):
        merged(paths)
    write_advice(advice_of(models.wide(tmp_path / "w.xml")), paths[2])
    with pytest.raises(AdviceError, match=r"is for the model 'w', .* for another model \('m'\)"):
        merged([paths[0], paths[2]])
    write_fleet(merged(paths[:2]), tmp_path / "fleet.yaml")
    with pytest.raises(AdviceError, match="are for the same host"):
        merged([tmp_path / "fleet.yaml", paths[1]])


BOMB = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nschema: 1\nbest: *c\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (BOMB.encode(), "it has aliases"),
        (b"[" * 500, "nested more than 16 deep"),
        (b"[" * 100_000, "is not valid YAML"),
        (b"schema: 1\nschema: 1\n", "'schema' is there twice"),
        (b"schema: 1\nbest: !!python/object/apply:os.system [ls]\n", "is not valid YAML"),
        (b"schema: !!bool maybe\n", "is not valid YAML"),
        (b"schema: !!timestamp x\n", "is not valid YAML"),
        (b"? [1, 2]\n: 3\n", "is not valid YAML"),
        (b"{schema: 1, best: {device: CPU", "is not valid YAML"),
        (b"schema: 1\nprofiles: []\n", "Expected `array` of length >= 1"),
        (b"schema: 1\nprofiles: 3\n", r"Expected `array`, got `int` - at `\$.profiles`"),
        (b"x" * (17 << 20), "is larger than 16 MiB"),
    ],
)
def test_hostile_and_broken_files_are_refused_in_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(AdviceError, match=sentence) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_broken_files_give_nothing_but_our_own_error(advice, tmp_path, count):
    """Real advice, cut, spliced and with bytes and values changed at random."""
    path = written(advice, tmp_path / "config.yaml")
    whole, rng = path.read_bytes(), random.Random(0)
    words = [b"null", b"-1", b".inf", b".nan", b"[]", b"{}", b"'", b'"', b"!!binary x", b"\xff", b"*a", b"&a", b": ",
             b"- ", b"99999999999999999999", b"2026-01-01", b"0b", b"? ", b"|", b"%TAG", b"\t", b"\x00", b"true"]  # fmt: skip

    def broken():
        content = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            at, to = sorted(rng.randrange(len(content) + 1) for _ in range(2))
            match rng.randrange(5):
                case 0:
                    del content[at : min(to, at + 40)]
                case 1:
                    content[at:at] = rng.choice(words)
                case 2:
                    content[at : at + 1] = bytes([rng.randrange(256)])
                case 3:
                    content[at:at] = content[at : min(to, at + 200)]
                case 4:
                    spot = content.find(b": ", at)
                    end = content.find(b"\n", spot)
                    content[spot + 2 : end] = rng.choice(words)
        return bytes(content)

    sentences = []
    for _ in range(count):
        path.write_bytes(broken())
        try:
            read(path)
        except AdviceError as error:
            sentences.append(str(error))
    assert not any("\n" in one for one in sentences)
    assert 0.7 * count < len(sentences) < count


def test_pick_takes_the_fastest_within_the_limits(advice):
    limit = min(one.measured.latency_ms.p99 for one in advice.front)
    assert advice.measured.latency_ms.p99 > limit
    picked = advice.pick(max_latency_ms=limit)
    assert picked.measured.latency_ms.p99 <= limit
    within = [one for one in advice.front if one.measured.latency_ms.p99 <= limit]
    assert picked.measured.throughput_fps >= max(one.measured.throughput_fps for one in within)
    assert picked.best.configuration != advice.best.configuration
    assert picked.verdict in {"inconclusive", "keep_hint"}
    assert picked.front == advice.front
    lean = advice.pick(max_memory_mb=min(one.measured.memory_mb for one in advice.front))
    assert lean.measured.memory_mb == min(one.measured.memory_mb for one in advice.front)
    assert advice.pick() == advice.pick(device="CPU") == advice


def test_limits_that_nothing_meets_are_told_with_the_nearest(advice):
    with pytest.raises(
        AdviceError, match=r"Nothing that was measured .* the lowest p99 latency is [\d.]+ ms"
    ):
        advice.pick(max_latency_ms=1e-9)
    with pytest.raises(AdviceError, match=r"Nothing was measured on device 'GPU', only on: CPU"):
        advice.pick(device="GPU")


def test_plain_data_for_those_who_wire_it_up_themselves(advice):
    assert (advice.device, advice.properties, advice.batch, advice.requests) == (
        "CPU",
        {"NUM_STREAMS": "1"},  # a text, which every plugin takes
        4,
        2,
    )


def test_the_fingerprint_holds_what_the_issue_of_a_slow_program_turns_on():
    here = describe_host()
    assert isinstance(here, Host)
    assert set(HostRecord.__struct_fields__) == {
        "cpu", "cores", "memory_mb", "os", "openvino", "devices", "cgroup_cores", "drivers",
    }  # fmt: skip


@pytest.mark.parametrize("where", ["/dev/zero", "/dev/stdin", "", "/", "a" * 5000, "a\0b"])
def test_a_path_that_is_no_model_is_never_read(advice, tmp_path, where):
    strange = msgspec.structs.replace(advice, model=msgspec.structs.replace(advice.model, path=where))
    path = written(strange, tmp_path / "config.yaml")
    loaded = load(path)
    with pytest.raises(AdviceError, match="give its path"):
        loaded.compile()


def test_a_file_name_that_cannot_be_is_refused():
    with pytest.raises(AdviceError, match="cannot be read"):
        load("a\0b")


def test_a_word_that_is_no_way_to_take_a_mismatch_is_refused(advice, tmp_path):
    path = written(advice, tmp_path / "config.yaml")
    with pytest.raises(tuner.UsageError, match="on_mismatch='eror' is none of warn, hint, error"):
        load(path, on_mismatch="eror")


def test_a_strangers_measurements_cannot_be_picked(advice, tmp_path):
    path = written(on(advice, cpu="B CPU"), tmp_path / "config.yaml")
    hint = load(path, on_mismatch="hint")
    assert hint.pick() == hint
    with pytest.raises(AdviceError, match="Nothing was measured here, only on: another host"):
        hint.pick(max_latency_ms=1000)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda told: told["best"].update(batc=1),
            "unknown field `batc` - at `$.best`, the nearest one is `batch`",
        ),
        (lambda told: told["host"].update(cpuu=1), "`cpuu` - at `$.host`, the nearest one is `cpu`"),
        (lambda told: told["front"][0]["measured"].update(memory=1), "the nearest one is `memory_mb`"),
        (lambda told: told["model"]["inputs"]["x"].update(typ="f32"), "the nearest one is `type`"),
        (
            lambda told: told["model"]["inputs"]["x"].update(type="weird"),
            "'weird' is not an element type of inputs",
        ),
        (lambda told: told["model"].update(output_axes=[]), "Expected `array` of length >= 1"),
        (
            lambda told: told.update({"be\nst": 1}),
            "unknown field `be st` - at a place, the nearest one is `best`",
        ),
        (lambda told: told.update(schema=2.0), "has schema 2, this version reads 1"),
    ],
)
def test_a_wrong_field_is_told_with_its_place_and_the_nearest_one(advice, tmp_path, change, sentence):
    told = msgspec.to_builtins(advice)
    change(told)
    for content in (told, {"schema": 1, "profiles": [told]}):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
        with pytest.raises(AdviceError) as caught:
            read(tmp_path / "config.yaml")
        assert sentence.partition(" - at")[0] in str(caught.value)
        assert sentence.rpartition(", ")[2] in str(caught.value)
        assert "\n" not in str(caught.value)
