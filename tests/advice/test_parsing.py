"""Files that are hostile, broken, or no advice."""

import math
import random

import msgspec
import pytest
import yaml

from tests.advice.advice_of import written
from tuner.advice.loader import load, read
from tuner.errors import AdviceError

BOMB = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nschema: 1\nbest: *c\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (BOMB.encode(), "it has aliases"),
        (b"[" * 500, "it has more than 16 levels of lists in lists"),
        (b"[" * 100_000, "is not valid YAML"),
        (b"schema: 1\nschema: 1\n", "'schema' is there twice"),
        (b"schema: 1\nbest: !!python/object/apply:os.system [ls]\n", "is not valid YAML"),
        (b"schema: !!bool maybe\n", "is not valid YAML"),
        (b"schema: !!timestamp x\n", "is not valid YAML"),
        (b"? [1, 2]\n: 3\n", "is not valid YAML"),
        (b"{schema: 1, best: {device: CPU", "is not valid YAML"),
        (b"schema: 1\nprofiles: []\n", "Expected `array` of length >= 1"),
        (b"schema: 1\nprofiles: 3\n", r"Expected `array`, got `int` - at `\$.profiles`"),
        (b"x" * (3 << 20), "is larger than 2 MiB"),
    ],
)
def test_hostile_and_broken_files_are_refused_in_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(AdviceError, match=sentence) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("count", [500, pytest.param(5_000, marks=pytest.mark.slow)])
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
    assert not any("\n" in sentence for sentence in sentences)
    assert 0.7 * count < len(sentences) < count


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda data: data["best"].update(batc=1),
            "unknown field `batc` - at `$.best`, the nearest one is `batch`",
        ),
        (lambda data: data["host"].update(cpuu=1), "`cpuu` - at `$.host`, the nearest one is `cpu`"),
        (lambda data: data["front"][0]["measured"].update(memory=1), "the nearest one is `memory_mb`"),
        (lambda data: data["model"]["inputs"]["x"].update(typ="f32"), "the nearest one is `type`"),
        (
            lambda data: data["model"]["inputs"]["x"].update(type="weird"),
            "'weird' is not an element type of inputs",
        ),
        (lambda data: data["model"].update(output_axes=[]), "Expected `array` of length >= 1"),
        (
            lambda data: data.update({"be\nst": 1}),
            "unknown field `be st` - at a place, the nearest one is `best`",
        ),
        (lambda data: data["host"].update(cores=-1), "Expected `int` >= 1"),
        (lambda data: data["host"].update(memory_mb=-1), "Expected `int` >= 0"),
        (lambda data: data["speedup"].update(rounds=-1), "Expected `int` >= 0"),
        (lambda data: data["speedup"].update(confidence=1.5), "Expected `float` <= 1.0"),
        (lambda data: data["search"].update(seed=-1), "Expected `int` >= 0"),
        (lambda data: data["search"].update(trials=-1), "Expected `int` >= 0"),
        (lambda data: data["search"].update(seconds=-1), "Expected `float` >= 0.0"),
        *(
            (
                lambda data, at=at, name=name, figure=figure: data[at].update({name: figure}),
                "which is not finite",
            )
            for figure in (math.inf, math.nan)
            for at, name in (("speedup", "ratio"), ("speedup", "confidence"), ("measured", "throughput_fps"))
        ),
        (lambda data: data.update(schema=2.0), "has schema 2, this version reads 1"),
    ],
)
def test_a_wrong_field_is_refused_with_its_place_and_the_nearest_name(advice, tmp_path, change, sentence):
    data = msgspec.to_builtins(advice)
    change(data)
    for content in (data, {"schema": 1, "profiles": [data]}):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
        with pytest.raises(AdviceError) as caught:
            read(tmp_path / "config.yaml")
        assert sentence.partition(" - at")[0] in str(caught.value)
        assert sentence.rpartition(", ")[2] in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda data: data.pop("best"), "missing required field `best`"),
        (lambda data: data["best"].update(batch="8"), r"Expected `int`, got `str` - at `\$.best.batch`"),
        (
            lambda data: data["best"].update(bath=8),
            "unknown field `bath` - at `\\$.best`, the nearest one is `batch`",
        ),
        (lambda data: data.update(schema=2), "has schema 2, this version reads 1; upgrade openvino-tuner"),
        (lambda data: data.update(schema=0), "Invalid enum value 0"),
        (lambda data: data.update(verdict="maybe"), "Invalid enum value 'maybe'"),
        (lambda data: data["best"].update(batch=0), r"Expected `int` >= 1 - at `\$.best.batch`"),
        (lambda data: data["best"].update(requests=-1), "Expected `int` >= 1"),
        (
            lambda data: data["speedup"].update(ratio=float("nan")),
            "it has the number .nan, which is not finite",
        ),
        (lambda data: data["best"].update(requests=10**9), "Expected `int` <= 1048576"),
        (
            lambda data: data["best"].update(device="MULTI:CPU"),
            "the device 'MULTI:CPU' combines only one device",
        ),
        (lambda data: data["model"].update(batch_axes={"nope": 0}), "not an axis of an input"),
    ],
)
def test_advice_that_is_not_valid_is_refused_with_its_place(advice, tmp_path, change, sentence):
    data = msgspec.to_builtins(advice)
    change(data)
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(AdviceError, match=sentence) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "hello", "- 1", "{", "a: b: c", "\0", "!!python/object:os.system {}", "[" * 5000]
)
def test_a_file_that_is_no_advice_is_refused(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(AdviceError, match=r"config\.yaml' is not"):
        load(path)


def test_a_missing_file_and_a_binary_one_are_refused(tmp_path):
    with pytest.raises(AdviceError, match=r"cannot be read \(No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "config.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(AdviceError, match="is not valid YAML"):
        load(tmp_path / "config.yaml")
