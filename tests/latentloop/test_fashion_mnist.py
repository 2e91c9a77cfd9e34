"""The data set is taken only as it was published: whatever is missing or altered is named."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from latentloop.errors import DatasetMissing
from latentloop.fashion_mnist import FILES, fetch_fashion_mnist, find_fashion_mnist, load_fashion_mnist


def content_of(name: str) -> bytes:
    """A tiny data set in the same form: 3 + 2 images."""
    count = 3 if name.startswith("train") else 2
    sizes = (count, 28, 28) if "images" in name else (count,)
    header = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
    return header + (np.arange(np.prod(sizes)) % 10).astype(np.uint8).tobytes()


SUMS = {name: hashlib.sha256(content_of(name)).hexdigest() for name in FILES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tiny data set."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    for name in FILES:
        (folder / f"{name}.gz").write_bytes(gzip.compress(content_of(name)))
    return folder


def unpack(folder: Path, name: str) -> bytes:
    return gzip.decompress((folder / f"{name}.gz").read_bytes())


def test_packed_and_plain_files_are_read_alike(folder: Path) -> None:
    packed = load_fashion_mnist(folder, SUMS)
    for name in FILES:
        (folder / name).write_bytes(unpack(folder, name))
        (folder / f"{name}.gz").unlink()
    plain = load_fashion_mnist(folder, SUMS)

    assert packed.train_images.shape == (3, 28, 28)
    assert packed.test_images.shape == (2, 28, 28)
    assert packed.train_images[0, 0].tolist() == [each % 10 for each in range(28)]
    assert packed.train_labels.tolist() == [0, 1, 2]
    assert packed.test_labels.tolist() == [0, 1]
    assert np.array_equal(plain.train_images, packed.train_images)


def test_a_missing_folder_is_named_with_the_file_that_was_looked_for(tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    with pytest.raises(DatasetMissing) as missing:
        load_fashion_mnist(folder)

    assert str(missing.value) == (
        f"{folder / 'train-images-idx3-ubyte'}: expected the file or its .gz, found neither: "
        "is this the Fashion-MNIST folder?"
    )


def test_one_missing_file_is_named(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()

    with pytest.raises(DatasetMissing, match="t10k-labels-idx1-ubyte: expected the file or its .gz, found neither"):
        load_fashion_mnist(folder, SUMS)


def test_one_altered_bit_is_found(folder: Path) -> None:
    name = "train-labels-idx1-ubyte"
    content = bytearray(unpack(folder, name))
    content[-1] ^= 1
    (folder / f"{name}.gz").write_bytes(gzip.compress(bytes(content)))

    with pytest.raises(DatasetMissing) as altered:
        load_fashion_mnist(folder, SUMS)

    pinned = SUMS[name]
    assert str(altered.value).startswith(f"{folder / name}: expected sha256 {pinned}, came ")
    assert str(altered.value).endswith("the file is damaged, replace it")


@pytest.mark.parametrize("damage", [lambda data: data[:40], lambda data: b"no gzip at all"], ids=["cut off", "foreign"])
def test_a_file_that_cannot_be_unpacked_is_named_in_one_line(folder: Path, damage: object) -> None:
    path = folder / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]

    with pytest.raises(DatasetMissing) as unreadable:
        load_fashion_mnist(folder, SUMS)

    assert str(unreadable.value).startswith(f"{path}: cannot be read (")
    assert "\n" not in str(unreadable.value)


def test_a_stream_that_is_damaged_inside_is_named_in_one_line(folder: Path) -> None:
    path = folder / "t10k-images-idx3-ubyte.gz"
    data = bytearray(path.read_bytes())
    data[10:30] = b"\xff" * 20
    path.write_bytes(bytes(data))

    with pytest.raises(DatasetMissing, match=r"t10k-images-idx3-ubyte\.gz: cannot be read \("):
        load_fashion_mnist(folder, SUMS)


def test_a_folder_in_the_settings_that_is_wrong_is_not_replaced_by_another_source(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetMissing, match="elsewhere"):
        find_fashion_mnist(tmp_path / "elsewhere", folder.parent, sums=SUMS)


def test_the_kept_copy_is_found_without_fetching(folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "fashion-mnist")

    def bring(destination: Path) -> None:
        pytest.fail("fetched")

    assert find_fashion_mnist(None, tmp_path, [("nowhere", bring)], SUMS).test_labels.tolist() == [0, 1]


def test_a_source_that_brings_altered_files_is_passed_over_and_the_next_one_is_asked(
    folder: Path, tmp_path: Path
) -> None:
    def altered(destination: Path) -> None:
        for name in FILES:
            (destination / name).write_bytes(b"altered")

    def genuine(destination: Path) -> None:
        for path in folder.iterdir():
            (destination / path.name).write_bytes(path.read_bytes())

    ways = [("the Debian package", altered), ("a download", genuine)]

    assert fetch_fashion_mnist(tmp_path / "assets" / "kept", ways, SUMS) == "a download"
    assert load_fashion_mnist(tmp_path / "assets" / "kept", SUMS).train_labels.tolist() == [0, 1, 2]
    assert [each.name for each in (tmp_path / "assets").iterdir()] == ["kept"]


def test_when_nothing_brings_it_each_way_is_named_with_what_to_do(tmp_path: Path) -> None:
    def broken(destination: Path) -> None:
        raise DatasetMissing("there is no apt-get here")

    def offline(destination: Path) -> None:
        raise OSError("no route to host\nand more")

    with pytest.raises(DatasetMissing) as missing:
        fetch_fashion_mnist(tmp_path / "kept", [("the Debian package", broken), ("a download", offline)])

    assert str(missing.value) == (
        "Fashion-MNIST is not to be had here (the Debian package: there is no apt-get here; a download: "
        "no route to host). Put its four idx files into a folder and set LATENTLOOP_FASHION_MNIST=/that/folder"
    )
    assert list(tmp_path.iterdir()) == []
