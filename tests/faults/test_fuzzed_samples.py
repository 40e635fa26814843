"""Sample files that are damaged: they are read, or refused in one sentence."""

import io
import struct
import zipfile
import zlib
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.faults.refusing import worked_or_refused
from tuner.domain.model import ModelInput
from tuner.errors import ModelError
from tuner.probe.sample_files import read_samples

PICTURE = ModelInput("image", (1, 3, 8, 8), "f32", 0)
KINDS = ("npy", "png", "jpg", "bmp", "webp", "tif", "gif")

quickly = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@cache
def whole(kind):
    """A file of a kind, as bytes."""
    stream, pixels = io.BytesIO(), np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    if kind == "npy":
        np.save(stream, np.zeros((2, 3, 8, 8), np.float32))
    else:
        name = {"jpg": "jpeg", "tif": "tiff"}.get(kind, kind)
        Image.fromarray(pixels).save(stream, name)
    return stream.getvalue()


SPLICES = st.lists(
    st.tuples(st.integers(0, 300), st.sampled_from([0, 1, 2, 4, 30]), st.binary(max_size=5)), min_size=1, max_size=3
)  # fmt: skip


def read(folder, kind, content):
    path = folder / f"x.{kind}"
    path.write_bytes(content)
    with worked_or_refused():
        assert read_samples(PICTURE, path)


@quickly
@given(kind=st.sampled_from(KINDS), splices=SPLICES)
@example(kind="npy", splices=[(0, 4, b"PK\x03\x04")])
def test_a_damaged_file_is_read_or_refused(tmp_path, kind, splices):
    content = whole(kind)
    for start, length, put in splices:
        content = content[:start] + put + content[start + length :]
    read(tmp_path, kind, content)


def bomb():
    """A PNG of 2 GB of pixels in a hundred bytes."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def archive():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("x", "y")
    return stream.getvalue()[:-30]


def claiming(shape):
    """An array whose header promises more than the file holds."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("png", bomb()),
        ("npy", archive()),
        ("npy", claiming("(1 << 40, 3, 8, 8)")),
        ("npy", claiming((1 << 40, 3, 8, 8))),
        ("npy", claiming((1 << 70, 3, 8, 8))),
        ("npy", claiming((-1, 3, 8, 8))),
        ("npy", claiming("'x'")),
        ("npy", claiming("(" * 200)),
    ],
)
def test_a_file_that_promises_too_much_is_refused(tmp_path, kind, content):
    (tmp_path / f"x.{kind}").write_bytes(content)
    with pytest.raises(
        ModelError, match=r"^inputs=image=.*: (the file cannot be read \([^\n]*\)\.$|the array has shape)"
    ):
        read_samples(PICTURE, tmp_path / f"x.{kind}")
