"""What `tinyaae.data` promises: good files come out as they went in, and each bad one is told in one line."""

import gzip
import hashlib
import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tinyaae.data
from tinyaae.data import load, load_mnist, split, unit_interval
from tinyaae.errors import UserError

TRAIN_X, TRAIN_Y = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_X, TEST_Y = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
SHA256 = {
    TRAIN_X: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    TRAIN_Y: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    TEST_X: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    TEST_Y: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


def arrays(**changed):
    """A tiny good data set, 12 + 4 images of 2 x 3 pixels in 3 classes, with some arrays changed or (None) left out."""
    rng = np.random.default_rng(0)
    parts = {
        "x_train": rng.integers(0, 256, (12, 2, 3), dtype=np.uint8),
        "y_train": np.arange(12, dtype=np.uint8) % 3,
        "x_test": rng.integers(0, 256, (4, 2, 3), dtype=np.uint8),
        "y_test": np.arange(4, dtype=np.uint8) % 3,
    }
    return {key: array for key, array in (parts | changed).items() if array is not None}


def floats(**changed):
    """The same data set with float pixels."""
    parts = arrays()
    return parts | {key: parts[key].reshape(len(parts[key]), -1) / 255 for key in ("x_train", "x_test")} | changed


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_folder(folder, ending="", **changed):
    """Write the IDX files; a keyword whose value is bytes replaces that file's content, None leaves it out."""
    names = dict(zip(("x_train", "y_train", "x_test", "y_test"), (TRAIN_X, TRAIN_Y, TEST_X, TEST_Y), strict=True))
    for key, part in arrays(**changed).items():
        content = part if isinstance(part, bytes) else idx(part)
        (folder / (names[key] + ending)).write_bytes(gzip.compress(content) if ending else content)
    return folder


def write_npz(folder, parts):
    np.savez(folder / "data.npz", **parts)
    return folder / "data.npz"


def write_member(folder, content, claimed_size=None):
    """Write an .npz whose x_train.npy is `content`, with another size in the zip directory if that is given."""
    path = folder / "data.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", content)
        if claimed_size:
            archive.filelist[0].file_size = claimed_size
    return path


def npy(header, data=b"", version=(1, 0)):
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(text)) + text + data


def refusal(call, *arguments):
    """Return the one line that a `UserError` says."""
    with pytest.raises(UserError) as caught:
        call(*arguments)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "expected" in message
    return message


def peak_memory(call, *arguments):
    tracemalloc.start()
    try:
        call(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def same(a, b):
    return all(np.array_equal(getattr(a, key), getattr(b, key)) for key in arrays())


# MNIST, as shipped


@pytest.mark.parametrize("name", SHA256)
def test_shipped_file_is_the_original(name):
    packed = Path(tinyaae.data.__file__).parent / (name + ".gz")
    assert hashlib.sha256(gzip.decompress(packed.read_bytes())).hexdigest() == SHA256[name]


def test_mnist_shapes(mnist):
    assert mnist.x_train.shape == (60000, 784) and mnist.y_train.shape == (60000,)
    assert mnist.x_test.shape == (10000, 784) and mnist.y_test.shape == (10000,)
    assert (mnist.name, mnist.classes, mnist.side) == ("mnist", 10, (28, 28))


def test_mnist_types(mnist):
    assert mnist.x_train.dtype == mnist.x_test.dtype == np.uint8
    assert mnist.y_train.dtype == mnist.y_test.dtype == np.int64


def test_mnist_counts_per_class(mnist):
    assert np.bincount(mnist.y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


# Good files


def test_idx_comes_out_as_it_went_in(tmp_path):
    data, parts = load(write_folder(tmp_path)), arrays()
    assert np.array_equal(data.x_train, parts["x_train"].reshape(12, 6))
    assert np.array_equal(data.y_train, parts["y_train"])
    assert np.array_equal(data.x_test, parts["x_test"].reshape(4, 6))
    assert np.array_equal(data.y_test, parts["y_test"])
    assert (data.name, data.classes, data.side) == (tmp_path.name, 3, (2, 3))


def test_idx_gz_and_plain_are_equal(tmp_path):
    for name in ("plain", "packed"):
        (tmp_path / name).mkdir()
    assert same(load(write_folder(tmp_path / "plain")), load(write_folder(tmp_path / "packed", ending=".gz")))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_names_with_a_dot_are_found(tmp_path, ending):
    for path in list(write_folder(tmp_path, ending).iterdir()):
        path.rename(tmp_path / path.name.replace("-idx", ".idx"))
    assert load(tmp_path).x_train.shape == (12, 6)


def test_path_may_be_a_string(tmp_path):
    assert same(load(str(write_folder(tmp_path))), load(tmp_path))


def test_npz_uint8_stays_uint8(tmp_path):
    data = load(write_npz(tmp_path, arrays()))
    assert data.x_train.dtype == np.uint8 and np.array_equal(data.x_train, arrays()["x_train"].reshape(12, 6))
    assert (data.name, data.side, data.y_train.dtype) == ("data", (2, 3), np.int64)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_npz_floats_become_float32(tmp_path, dtype):
    parts = floats()
    data = load(write_npz(tmp_path, parts | {"x_train": parts["x_train"].astype(dtype)}))
    assert data.x_train.dtype == np.float32 and data.x_train.dtype.isnative
    np.testing.assert_allclose(data.x_train, parts["x_train"], atol=1e-3)


def test_npz_may_be_compressed(tmp_path):
    np.savez_compressed(tmp_path / "packed.npz", **arrays())
    assert same(load(tmp_path / "packed.npz"), load(write_npz(tmp_path, arrays())))


def test_npz_may_be_stored_by_columns(tmp_path):
    data = load(write_npz(tmp_path, arrays(x_train=np.asfortranarray(arrays()["x_train"]))))
    assert np.array_equal(data.x_train, arrays()["x_train"].reshape(12, 6)) and data.x_train.flags.c_contiguous


@pytest.mark.parametrize(("pixels", "side"), [(9, (3, 3)), (6, None)])
def test_side_of_flat_images_is_known_only_for_a_square(tmp_path, pixels, side):
    parts = arrays(x_train=np.zeros((12, pixels), np.uint8), x_test=np.zeros((4, pixels), np.uint8))
    assert load(write_npz(tmp_path, parts)).side == side


def test_arrays_can_be_written_to(tmp_path):
    assert load(write_folder(tmp_path)).x_train.flags.writeable
    assert load(write_npz(tmp_path, arrays())).x_train.flags.writeable


def test_classes_are_the_distinct_labels(tmp_path):
    data = load(write_npz(tmp_path, arrays(y_train=np.full(12, 7), y_test=np.zeros(4, int))))
    assert (data.classes, data.names, data.y_train[0]) == (2, (0, 7), 1)


def test_unit_interval_divides_bytes_by_255():
    images = np.arange(256, dtype=np.uint8).reshape(2, 128)
    rows = unit_interval(images)
    assert rows.dtype == np.float32 and rows.min() == 0 and rows.max() == 1
    np.testing.assert_allclose(rows, images / 255, rtol=1e-7)


def test_unit_interval_leaves_floats_alone():
    images = np.array([[0, 0.25, 1]])
    assert unit_interval(images).dtype == np.float32 and np.array_equal(unit_interval(images), images)


def test_unit_interval_refuses_other_integers():
    assert "int64" in refusal(unit_interval, np.array([[0, 255]]))


# Bad paths


def test_missing_path(tmp_path):
    assert refusal(load, tmp_path / "nowhere").startswith(f"{tmp_path / 'nowhere'}: no such file or folder")


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "data.png").write_bytes(b"\x89PNG")
    assert refusal(load, tmp_path / "data.png").startswith(f"{tmp_path / 'data.png'}: no data that is known")


@pytest.mark.parametrize(("key", "name"), [("x_train", TRAIN_X)])
def test_folder_without_one_of_the_files(tmp_path, key, name):
    assert refusal(load, write_folder(tmp_path, **{key: None})).startswith(f"{tmp_path}: no {name}")


# Bad IDX files


def idx_refusal(tmp_path, content, ending=""):
    """Return what is said when the training images' file holds `content`; it must name that file."""
    message = refusal(load, write_folder(tmp_path, ending, x_train=content))
    assert message.startswith(f"{tmp_path / (TRAIN_X + ending)}: ")
    return message


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_cut_off_inside_the_header(tmp_path, ending):
    assert "ends after 9 bytes" in idx_refusal(tmp_path, idx(arrays()["x_train"])[:9], ending)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_cut_off_inside_the_body(tmp_path, ending):
    assert "holds only 70 bytes of data, expected 72" in idx_refusal(tmp_path, idx(arrays()["x_train"])[:-2], ending)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_too_long(tmp_path, ending):
    assert "holds more than 72 bytes" in idx_refusal(tmp_path, idx(arrays()["x_train"]) + b"\0", ending)


def test_idx_empty_file(tmp_path):
    assert "starts with nothing, expected 00 00 08 03" in idx_refusal(tmp_path, b"")


def test_idx_wrong_magic(tmp_path):
    assert "starts with 50 4b 03 04, expected 00 00 08 03" in idx_refusal(tmp_path, b"PK\3\4" + bytes(80))


def test_idx_of_an_unknown_kind_of_number(tmp_path):
    assert "starts with 00 00 0a 03" in idx_refusal(tmp_path, b"\0\0\x0a" + idx(arrays()["x_train"])[3:])


def test_idx_images_that_are_labels(tmp_path):
    assert "starts with 00 00 08 01" in idx_refusal(tmp_path, idx(arrays()["y_train"]))


def test_idx_labels_that_are_images(tmp_path):
    message = refusal(load, write_folder(tmp_path, y_train=idx(arrays()["x_train"])))
    assert message.startswith(f"{tmp_path / TRAIN_Y}: starts with 00 00 08 03")


def test_idx_is_unpacked_by_its_content_and_not_by_its_name(tmp_path):
    """A file that is gzipped without .gz, and one that a browser unpacked and left its .gz."""
    for name in ("packed", "unpacked"):
        (tmp_path / name).mkdir()
    folder = write_folder(tmp_path / "packed", x_train=gzip.compress(idx(arrays()["x_train"])))
    other = write_folder(tmp_path / "unpacked")
    (other / TRAIN_X).rename(other / f"{TRAIN_X}.gz")
    assert same(load(folder), load(other))


@pytest.mark.parametrize("shape", [(0, 2, 3), (12, 0, 3), (0, 2**32 - 1, 2**32 - 1)])
def test_idx_empty_set(tmp_path, shape):
    assert "is empty" in idx_refusal(tmp_path, b"\0\0\x08\3" + struct.pack(">3I", *shape))


def test_idx_that_announces_more_than_4_gb(tmp_path):
    assert "at most 4 GB" in idx_refusal(tmp_path, b"\0\0\x08\3" + struct.pack(">3I", *[2**32 - 1] * 3))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_announcement_allocates_nothing(tmp_path, ending):
    content = b"\0\0\x08\3" + struct.pack(">3I", 3_999_999, 10, 100)
    assert peak_memory(idx_refusal, tmp_path, content, ending) < 8e6


def test_idx_gz_that_unpacks_to_far_more_is_not_read_through(tmp_path):
    path = write_folder(tmp_path, ".gz") / (TRAIN_X + ".gz")
    path.write_bytes(gzip.compress(idx(arrays()["x_train"]) + bytes(30_000_000), 1))
    assert peak_memory(refusal, load, tmp_path) < 8e6


def test_gzip_cut_off(tmp_path):
    path = write_folder(tmp_path, ".gz") / (TRAIN_X + ".gz")
    path.write_bytes(path.read_bytes()[:-20])
    assert refusal(load, tmp_path).startswith(f"{path}: ")


@pytest.mark.parametrize("place", [0, 12, 40, -6], ids=["magic", "block", "data", "checksum"])
def test_gzip_corrupt(tmp_path, place):
    path = write_folder(tmp_path, ".gz") / (TRAIN_X + ".gz")
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    assert refusal(load, tmp_path).startswith(f"{path}: ")


# Bad .npz files


def npz_refusal(tmp_path, parts, key):
    """Return what is said about an .npz of `parts`; it must name the file and the `key`."""
    path = write_npz(tmp_path, parts)
    message = refusal(load, path)
    assert message.startswith(f"{path}: {key}: ")
    return message


def test_npz_that_is_no_zip(tmp_path):
    (tmp_path / "data.npz").write_bytes(b"not a zip at all")
    assert refusal(load, tmp_path / "data.npz").startswith(f"{tmp_path / 'data.npz'}: BadZipFile")


def test_npz_with_a_corrupt_member(tmp_path):
    path = write_npz(tmp_path, arrays())
    content = bytearray(path.read_bytes())
    content[content.index(arrays()["x_train"].tobytes())] ^= 0xFF
    path.write_bytes(content)
    assert "Bad CRC" in refusal(load, path)


def test_npz_with_a_corrupt_array_header(tmp_path):
    path = write_member(tmp_path, npy("this is no dictionary", bytes(24)))
    assert refusal(load, path).startswith(f"{path}: ValueError")


def test_npz_without_training_images_says_what_it_holds(tmp_path):
    path = write_npz(tmp_path, arrays(x_train=None))
    assert "holds y_train, x_test, y_test, expected x_train" in refusal(load, path)


def test_labels_without_images(tmp_path):
    assert "labels without images" in npz_refusal(tmp_path, arrays(x_test=None), "y_test")


@pytest.mark.parametrize("key", ["x_train", "y_train"])
def test_npz_objects_are_refused_not_unpickled(tmp_path, key):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    objects = np.empty((12, 6) if key == "x_train" else 12, object)
    objects.flat[0] = Trap()
    assert "never unpickle" in npz_refusal(tmp_path, arrays(**{key: objects}), key)


@pytest.mark.parametrize("shape", [(), (12,), (12, 2, 3, 4), (12, 1, 1, 1, 1)])
def test_npz_images_of_wrong_dimension(tmp_path, shape):
    assert f"is {shape}, expected (n, d)" in npz_refusal(tmp_path, arrays(x_train=np.zeros(shape, np.uint8)), "x_train")


def test_npz_one_hot_labels(tmp_path):
    assert "one-hot" in npz_refusal(tmp_path, arrays(y_train=np.eye(12, dtype=int)), "y_train")


@pytest.mark.parametrize("dtype", ["complex64", "U3", "datetime64[s]"])
def test_npz_pixels_of_wrong_type(tmp_path, dtype):
    assert "pixels are " in npz_refusal(tmp_path, arrays(x_train=np.zeros((12, 6), dtype)), "x_train")


@pytest.mark.parametrize("labels", [np.zeros(4, complex), np.array([0, 1, 0.5, 1])])
def test_npz_labels_that_are_no_names(tmp_path, labels):
    assert "expected whole numbers" in npz_refusal(tmp_path, arrays(y_test=labels), "y_test")


@pytest.mark.parametrize("key", ["x_train", "y_train", "x_test", "y_test"])
def test_npz_empty_set(tmp_path, key):
    assert "not empty" in npz_refusal(tmp_path, arrays(**{key: arrays()[key][:0]}), key)


def test_npz_header_that_announces_more_than_the_member_holds(tmp_path):
    path = write_member(tmp_path, npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3000, 1000000)}", bytes(24)))
    assert peak_memory(refusal, load, path) < 8e6
    assert refusal(load, path).startswith(f"{path}: x_train: holds 24 bytes, expected 3000000000")


def test_npz_zip_directory_that_announces_more_than_the_file_holds(tmp_path):
    content = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3000, 1000000)}", bytes(24))
    path = write_member(tmp_path, content, claimed_size=len(content) - 24 + 3_000_000_000)
    assert peak_memory(refusal, load, path) < 8e6
    assert str(path) in refusal(load, path)


def test_npz_member_longer_than_its_header_says(tmp_path):
    path = write_member(tmp_path, npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)}", bytes(24)))
    assert "holds 24 bytes, expected 6" in refusal(load, path)


def test_npz_array_above_4_gb(tmp_path):
    path = write_member(tmp_path, npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10000, 50001)}"))
    assert refusal(load, path).startswith(f"{path}: x_train: announces (10000, 50001) float64, expected at most 4 GB")


def test_npz_negative_size(tmp_path):
    path = write_member(tmp_path, npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-4, -6)}", bytes(24)))
    assert str(path) in refusal(load, path)


def test_npz_long_array_header_is_not_read(tmp_path):
    path = write_member(tmp_path, npy(" " * 30_000_000, version=(2, 0)))
    assert peak_memory(refusal, load, path) < 8e6
    assert ".npy format (2, 0)" in refusal(load, path)


def test_npz_with_any_byte_damaged_never_shows_another_exception(tmp_path):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays())
    good, rng = buffer.getvalue(), np.random.default_rng(0)
    for place in rng.integers(0, len(good), 300):
        bad = bytearray(good)
        bad[place] ^= rng.integers(1, 256)
        (tmp_path / "data.npz").write_bytes(bad)
        try:
            load(tmp_path / "data.npz")  # some bytes, a date for one, matter to nobody
        except UserError as error:
            assert len(str(error).splitlines()) == 1


# Parts that do not fit together


def test_image_and_label_counts_that_differ_idx(tmp_path):
    message = refusal(load, write_folder(tmp_path, y_train=np.zeros(11, np.uint8)))
    assert message.startswith(f"{tmp_path / TRAIN_Y}: 11 labels, expected 12")


def test_image_and_label_counts_that_differ_npz(tmp_path):
    assert "5 labels, expected 4" in npz_refusal(tmp_path, arrays(y_test=np.zeros(5, int)), "y_test")


@pytest.mark.parametrize("shape", [(4, 7), (4, 3, 2)])
def test_test_images_of_another_size(tmp_path, shape):
    assert "expected (2, 3)" in npz_refusal(tmp_path, arrays(x_test=np.zeros(shape, np.uint8)), "x_test")


def test_more_labels_than_65535(tmp_path):
    many = np.arange(70_000)
    parts = {"x_train": np.zeros((70_000, 1), np.uint8), "y_train": many}
    assert "70000 distinct labels" in npz_refusal(tmp_path, parts, "y_train")


@pytest.mark.parametrize("pixel", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("key", ["x_train", "x_test"])
def test_pixels_that_are_not_finite(tmp_path, key, pixel):
    parts = floats()
    parts[key][1, 2] = pixel
    assert "NaN or infinite" in npz_refusal(tmp_path, parts, key)


# Split


@pytest.mark.parametrize(("n", "held_out"), [(60000, 5000), (120000, 5000), (24, 2), (23, 1), (2, 1)])
def test_validation_is_a_twelfth_but_at_most_5000_and_at_least_one(n, held_out):
    parts = split(np.arange(n) % 2, 2, 0, seed=0)
    assert (len(parts.validation), len(parts.train)) == (held_out, n - held_out)


def test_train_and_validation_share_out_all_images(mnist):
    parts = split(mnist.y_train, 10, 100, seed=0)
    assert np.array_equal(np.sort(np.concatenate([parts.train, parts.validation])), np.arange(60000))


@pytest.mark.parametrize("labels", [10, 100, 1000])
def test_labelled_images_are_even_over_the_classes(mnist, labels):
    labelled = split(mnist.y_train, 10, labels, seed=3).labelled
    assert np.bincount(mnist.y_train[labelled]).tolist() == [labels // 10] * 10


def test_labelled_images_are_distinct_and_part_of_train(mnist):
    parts = split(mnist.y_train, 10, 1000, seed=0)
    assert len(np.unique(parts.labelled)) == 1000
    assert np.isin(parts.labelled, parts.train).all() and not np.isin(parts.labelled, parts.validation).any()


def test_remainder_goes_one_each_to_seeded_classes(mnist):
    counts = [np.bincount(mnist.y_train[split(mnist.y_train, 10, 103, seed).labelled]) for seed in range(4)]
    assert all(sorted(count) == [10] * 7 + [11] * 3 for count in counts)
    assert len({tuple(count) for count in counts}) > 1


def test_same_seed_same_split(mnist):
    one, two = (split(mnist.y_train, 10, 100, seed=5) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_other_seed_other_split(mnist):
    one, two = (split(mnist.y_train, 10, 100, seed) for seed in (5, 6))
    assert not any(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_split_is_the_same_in_every_version_of_numpy():
    parts = split(np.arange(24) % 3, 3, 6, seed=0)
    assert parts.validation.tolist() == [17, 22] and parts.labelled.tolist() == [2, 6, 9, 10, 13, 14]


def test_number_of_labels_does_not_change_validation(mnist):
    few, many = (split(mnist.y_train, 10, labels, seed=0) for labels in (100, 3000))
    assert np.array_equal(few.validation, many.validation)


def test_labels_all_and_none():
    y = np.arange(24) % 3
    everyone, nobody = split(y, 3, "all", seed=0), split(y, 3, 0, seed=0)
    assert np.array_equal(everyone.labelled, everyone.train) and nobody.labelled.shape == (0,)


def test_class_that_nobody_has_needs_no_labels():
    y = 1 + np.arange(24) % 3
    assert np.bincount(y[split(y, 4, 6, seed=0).labelled]).tolist() == [0, 2, 2, 2]


def test_class_with_too_few_images():
    y = np.array([0] * 30 + [1] * 3)
    assert refusal(split, y, 2, 20, 0).startswith("labels: class 1 has ")


def test_more_labels_than_training_images():
    assert "23 asked for (by --labels or the mode), expected at most 22" in refusal(split, np.arange(24) % 3, 3, 23, 0)


def test_fewer_labels_than_classes():
    assert "2 asked for, expected at least 3" in refusal(split, np.arange(24) % 3, 3, 2, 0)


@pytest.mark.parametrize("labels", [-1, 6.5, "many", None])
def test_labels_that_are_no_count(labels):
    assert repr(labels) in refusal(split, np.arange(24) % 3, 3, labels, 0)


def test_fewer_images_are_a_part_of_all_and_leave_validation_as_it_is():
    y = np.arange(240) % 3
    everything, few = split(y, 3, 6, seed=0), split(y, 3, 6, seed=0, images=100)
    assert len(few.train) == 100 and set(few.train) < set(everything.train)
    assert few.validation.tolist() == everything.validation.tolist()
    assert set(few.labelled) <= set(few.train)


def test_at_most_all_images_are_there():
    y = np.arange(240) % 3
    assert split(y, 3, 6, seed=0, images=10**9).train.tolist() == split(y, 3, 6, seed=0).train.tolist()


def test_one_training_image_cannot_be_split():
    assert "1 training images" in refusal(split, np.zeros(1, int), 2, 0, 0)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seed_out_of_range(seed):
    assert str(seed) in refusal(split, np.arange(24) % 3, 3, 0, seed)
