"""Advice, links, pipes and devices that anyone may have put where a file is expected."""

import os
import struct
import zlib

import numpy as np
import pytest

import tuner
from tests import models
from tests.advice.advice_of import advice_of, on, written
from tuner.advice import parsing
from tuner.advice.loader import load, read
from tuner.advice.parsing import MOST_BYTES
from tuner.advice.writer import write_advice, write_fleet, write_whole
from tuner.commands.export import export
from tuner.commands.merge import merge
from tuner.errors import AdviceError, ModelError, StorageError, UsageError
from tuner.probe.model import read_model
from tuner.probe.sample_files import read_samples

AT_MOST = MOST_BYTES - 100


@pytest.fixture(scope="module")
def advice(tmp_path_factory):
    return advice_of(models.mlp(tmp_path_factory.mktemp("model") / "m.xml"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a: [" + "1," * (AT_MOST // 2) + "]\n", "more than 200000 values"),
        ("- a\n" * (AT_MOST // 4), "more than 200000 values"),
        ("- a\n" * 200_000, "more than 200000 values"),
        ("{" * (AT_MOST // 2), "levels of lists in lists|maximum nesting depth"),
        ("a: {" + "? {} : {}, " * (AT_MOST // 11) + "}\n", "more than 200000 values"),
        ("schema: 1" + "0" * 400 + "\n", "a number of 401 characters"),
        ("schema: 1" + "0" * (AT_MOST // 2) + "\n", "a number of"),
        ("schema: 0x" + "f" * (AT_MOST // 2) + "\n", "a number of"),
        ("schema: 0b" + "1" * (AT_MOST // 2) + "\n", "a number of"),
        ("schema: 1" + ":59" * (AT_MOST // 4) + "\n", "a number of"),
        ("schema: 1" + ":59" * (AT_MOST // 4) + ".5\n", "a number of"),
        ("schema: 1" + ":59" * 12 + "\n", "upgrade openvino-tuner"),
        ("schema: 1" + "0" * 39 + "\n", "upgrade openvino-tuner"),
        ("schema: 1.0e+400\n", "which is not finite"),
        ("schema: .nan\n", "which is not finite"),
        ("schema: 1\n" + "x" * (AT_MOST // 2) + ": 1\n", "while scanning a simple key|unknown field"),
        ("schema: 1\nverdict: '" + "x" * (AT_MOST // 2) + "'\n", "is not valid advice"),
        ("schema: 1\n" + "".join(f"k{n}: &a{n} [1]\n" for n in range(1000)), "is not valid advice"),
        ("<<: {<<: {<<: {a: 1}}}\n", "is not valid advice"),
    ],
)
def test_a_file_below_the_limit_that_is_made_to_take_long_is_refused_in_one_short_sentence(
    tmp_path, content, sentence
):
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(AdviceError, match=sentence) as caught:
        load(path)
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


def test_the_advice_of_hundreds_of_hosts_can_be_read(advice, tmp_path):
    text = written(advice, tmp_path / "one.yaml").read_text()
    hosts = 400
    profile = "- " + text.partition("\n")[2].strip().replace("\n", "\n  ") + "\n"
    (tmp_path / "fleet.yaml").write_text("schema: 1\nprofiles:\n" + profile * hosts)
    assert len(read(tmp_path / "fleet.yaml")) == hosts


def test_more_than_can_be_read_is_not_written(advice, tmp_path, monkeypatch):
    path, hosts = tmp_path / "fleet.yaml", [on(advice, cores=cores) for cores in range(1, 6)]
    write_fleet(hosts[:2], path)
    before = path.read_bytes()
    monkeypatch.setattr(parsing, "MOST_BYTES", len(before) + 100)
    with pytest.raises(
        AdviceError, match=r"The advice of 5 hosts is more than .*larger than .*; merge fewer"
    ):
        write_fleet(hosts, path)
    assert path.read_bytes() == before


def test_pipes_devices_and_folders_are_no_advice(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", "/dev/zero", "/dev/null", "/dev/stdin"):
        with pytest.raises(AdviceError, match=r"cannot be read|is not an advice file"):
            load(path)
    with pytest.raises(AdviceError, match=r"config\.yaml' cannot be read \(No such file"):
        load(tmp_path)


def test_a_folder_with_advice_is_taken_like_the_file(advice, tmp_path):
    write_advice(advice, tmp_path / "config.yaml")
    write_advice(on(advice, cores=99), tmp_path / "other.yaml")
    assert load(tmp_path) == advice
    assert export(tmp_path, "benchmark_app").path == tmp_path / "benchmark_app.json"
    assert len(merge([tmp_path, tmp_path / "other.yaml"], tmp_path / "fleet.yaml")) == 2
    with pytest.raises(tuner.UsageError, match="is not a seed"):
        tuner.verify(tmp_path, seed=-1)


@pytest.mark.parametrize("write", [
    lambda advice, path: write_advice(advice, path),
    lambda advice, path: write_fleet([advice], path),
    lambda advice, path: export(written(advice, path.parent / "x.yaml"), "json", output=path),
    lambda _advice, path: write_whole("<html>", path),
], ids=["advice", "fleet", "export", "report"])  # fmt: skip
def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(advice, tmp_path, write):
    (tmp_path / "precious").write_text("kept")
    for target in (tmp_path / "precious", tmp_path / "nowhere"):
        path = tmp_path / "config.yaml"
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        write(advice, path)
        assert path.is_file()
        assert not path.is_symlink()
    assert (tmp_path / "precious").read_text() == "kept"
    assert not (tmp_path / "nowhere").exists()


def test_what_is_no_file_is_not_replaced_by_one(advice, tmp_path):
    write_advice(advice, tmp_path / "config.yaml")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for path in (pipe, tmp_path / "link", tmp_path):
        with pytest.raises(StorageError, match="cannot be written"):
            merge([tmp_path / "config.yaml"], path)
        with pytest.raises(StorageError, match="cannot be written"):
            export(tmp_path / "config.yaml", "python", output=path)
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["m.onnx", "m.xml", "m.tflite", "m.pt", "m.json"])
def test_a_pipe_is_no_model(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(ModelError, match="is neither a file nor a folder"):
        read_model(tmp_path / name)


def test_samples_that_never_end_or_claim_to_be_endless_are_refused(tmp_path):
    (model_input,) = read_model(models.mlp(tmp_path / "m.xml")).unbatched.inputs
    (tmp_path / "folder").mkdir()
    for pipe in (tmp_path / "pipe.npy", tmp_path / "pipe.png", tmp_path / "folder" / "pipe.npy"):
        os.mkfifo(pipe)
        with pytest.raises(UsageError, match="it is not a file"):
            read_samples(model_input, pipe if pipe.parent == tmp_path else pipe.parent)
    huge = tmp_path / "huge.npy"
    with huge.open("wb") as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 16)}
        np.lib.format.write_array_header_1_0(stream, header)
    with pytest.raises(ModelError, match="the file cannot be read"):
        read_samples(model_input, huge)
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelError, match="the file cannot be read"):
        read_samples(model_input, tmp_path / "objects.npy")


def test_an_image_that_claims_to_be_huge_is_refused(tmp_path):
    (model_input,) = read_model(models.image_of_fixed_batch(tmp_path / "m.xml")).unbatched.inputs
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", b""))
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(ModelError, match=r"the file cannot be read .*decompression bomb"):
        read_samples(model_input, tmp_path / "bomb.png")
