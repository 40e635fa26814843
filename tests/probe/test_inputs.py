from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tuner.domain.model import Model, ModelInput
from tuner.errors import ModelError, UsageError
from tuner.probe.element_types import FILLABLE, from_bf16_bits, to_bf16_bits
from tuner.probe.inputs import make_pool

IMAGE = ModelInput("image", (1, 3, 4, 6), "f32", 0)


def model(*inputs: ModelInput) -> Model:
    return Model("m", "m.xml", "", inputs, (0,), 1)


def test_random_samples_are_distinct_and_seeded():
    pool = make_pool(model(IMAGE), {}, seed=1)
    assert len(pool) == 8
    assert pool[0]["image"].shape == (1, 3, 4, 6)
    assert not np.array_equal(pool[0]["image"], pool[1]["image"])
    assert np.array_equal(pool[3]["image"], make_pool(model(IMAGE), {}, seed=1)[3]["image"])
    assert not np.array_equal(pool[0]["image"], make_pool(model(IMAGE), {}, seed=2)[0]["image"])


@pytest.mark.parametrize("kind", FILLABLE)
def test_every_type_is_filled_with_its_own_kind(kind):
    values = [sample["image"] for sample in make_pool(model(replace(IMAGE, type=kind)), {}, 0)]
    assert {value.dtype for value in values} == {np.dtype(FILLABLE[kind])}
    if kind[0] in "iu" or kind == "boolean":
        assert set(np.unique(np.stack(values)).tolist()) == {0, 1}


def test_huge_inputs_shrink_the_pool_but_never_below_two():
    huge = ModelInput("x", (1, 3, 4096, 4096), "f32", 0)
    assert len(make_pool(model(huge), {}, 0)) == 2


def test_inputs_without_a_batch_axis_have_one_value_for_all_samples():
    scale = ModelInput("scale", (), "f32", None)
    pool = make_pool(model(IMAGE, scale), {}, 0)
    assert {float(sample["scale"]) for sample in pool} == {float(pool[0]["scale"])}


def test_without_any_batch_axis_the_samples_still_differ():
    pool = make_pool(model(replace(IMAGE, batch_axis=None)), {}, 0)
    assert not np.array_equal(pool[0]["image"], pool[1]["image"])


def test_bf16_is_carried_as_its_bits():
    values = np.array([0.5, 1.0, -3.0, 1e30], dtype=np.float32)
    assert from_bf16_bits(to_bf16_bits(values)) == pytest.approx(values, rel=2**-7)


def test_npy_files_hold_one_sample_or_several(tmp_path):
    many = np.arange(5 * 72, dtype=np.float32).reshape(5, 3, 4, 6)
    np.save(tmp_path / "many.npy", many)
    np.save(tmp_path / "single.npy", many[0])
    pool = make_pool(model(IMAGE), {"image": tmp_path / "many.npy"}, 0)
    assert len(pool) == 5
    assert np.array_equal(pool[4]["image"], many[4:5])
    unbatched = make_pool(model(replace(IMAGE, batch_axis=None)), {"image": tmp_path / "many.npy"}, 0)
    assert [float(sample["image"].min()) for sample in unbatched] == [72.0 * at for at in range(5)]
    (sample,) = make_pool(model(IMAGE), {"image": tmp_path / "single.npy"}, 0)
    assert np.array_equal(sample["image"], many[:1])


def test_images_are_resized_and_scaled(tmp_path):
    Image.new("RGB", (20, 10), (255, 0, 127)).save(tmp_path / "a.png")
    Image.new("L", (5, 5), 255).save(tmp_path / "b.jpg")
    pool = make_pool(model(IMAGE), {"image": tmp_path}, 0)
    assert len(pool) == 2
    assert pool[0]["image"][0, :, 0, 0] == pytest.approx([1.0, 0.0, 127 / 255])
    (raw,) = make_pool(model(ModelInput("image", (1, 4, 6, 1), "u8", 0)), {"image": tmp_path / "b.jpg"}, 0)
    assert raw["image"].shape == (1, 4, 6, 1)
    assert raw["image"].max() == 255


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (
            np.zeros((3, 4, 7), np.float32),
            r"has shape \[3, 4, 7\], but one sample of 'image' has shape \[1, 3, 4, 6\]",
        ),
        (np.zeros((0, 3, 4, 6), np.float32), r"has shape \[0, 3, 4, 6\]"),
        (np.zeros((1, 3, 4, 6), np.complex64), "is of type complex64, but 'image' takes f32"),
        (np.array([{}]), "cannot be read"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(tmp_path, array, sentence):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ModelError, match=sentence):
        make_pool(model(IMAGE), {"image": tmp_path / "x.npy"}, 0)


def test_values_that_do_not_fit_the_type_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.full((1, 8), 300))
    with pytest.raises(ModelError, match="do not fit 'x', which takes i8; give values from -128 to 127"):
        make_pool(model(ModelInput("x", (1, 8), "i8", 0)), {"x": tmp_path / "x.npy"}, 0)


def test_several_arrays_in_one_file_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    (tmp_path / "x.npz").rename(tmp_path / "x.npy")
    with pytest.raises(ModelError, match="it holds several arrays"):
        make_pool(model(IMAGE), {"image": tmp_path / "x.npy"}, 0)


def test_samples_that_no_memory_holds_are_refused():
    with pytest.raises(ModelError, match=r"GiB of memory are free; give smaller shapes"):
        make_pool(model(ModelInput("x", (1, 3, 9999999, 9999999), "f32", 0)), {}, 0)


def test_floats_are_no_token_ids(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 8)))
    with pytest.raises(ModelError, match="is of type float64, but 'ids' takes i64"):
        make_pool(model(ModelInput("ids", (1, 8), "i64", 0)), {"ids": tmp_path / "x.npy"}, 0)


@pytest.mark.parametrize("name", ["x.npy", "x.png"])
def test_a_broken_file_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"no such thing")
    with pytest.raises(ModelError, match="cannot be read"):
        make_pool(model(IMAGE), {"image": tmp_path / name}, 0)


def test_what_is_not_there_or_not_known_is_refused(tmp_path):
    (tmp_path / "x.txt").write_text("")
    for files, sentence in [
        ({"other": tmp_path}, "inputs= names 'other', but the model's inputs are: image"),
        ({"image": tmp_path / "none.npy"}, "no such file"),
        ({"image": tmp_path / "x.txt"}, "'.txt' files are not read"),
        ({"image": tmp_path}, "holds no .npy file and no image"),
    ]:
        with pytest.raises(UsageError, match=sentence):
            make_pool(model(IMAGE), files, 0)


def test_an_image_for_an_input_that_takes_none_is_refused(tmp_path):
    Image.new("L", (5, 5)).save(tmp_path / "a.png")
    with pytest.raises(ModelError, match="an image needs an input of shape"):
        make_pool(model(ModelInput("ids", (1, 8), "i64", 0)), {"ids": tmp_path / "a.png"}, 0)
