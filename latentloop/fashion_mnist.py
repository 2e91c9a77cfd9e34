"""Fashion-MNIST: 70,000 real product images of 28x28 pixels in ten classes (Xiao et al. 2017, MIT licence).

Found in this order: the folder in the settings, the copy that set-up keeps, the Debian package (unpacked without root),
a download. Whatever the way, the pixels are checked against pinned sha256 sums of the decompressed idx files.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentloop.errors import DatasetMissing

CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot")
PACKAGE = "dataset-fashion-mnist"
DOWNLOAD = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
FILES = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


Bring = Callable[[Path], None]
"""Puts the files into a folder, or raises."""


@dataclass(frozen=True, slots=True)
class FashionMnist:
    """Images uint8 `(N, 28, 28)` and class numbers `(N,)`; training 60,000, test 10,000."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load_fashion_mnist(folder: Path, sums: Mapping[str, str] = FILES) -> FashionMnist:
    """Parse the four idx files (plain or .gz); `DatasetMissing` names the file that is absent or altered."""
    content = {name: _read(folder, name) for name in sums}
    for name, pinned in sums.items():
        came = hashlib.sha256(content[name]).hexdigest()
        if came != pinned:
            raise DatasetMissing(
                f"{folder / name}: expected sha256 {pinned}, came {came}: the file is damaged, replace it"
            )

    def images(name: str) -> np.ndarray:
        return np.frombuffer(content[name], np.uint8, offset=16).reshape(-1, 28, 28)

    def labels(name: str) -> np.ndarray:
        return np.frombuffer(content[name], np.uint8, offset=8)

    return FashionMnist(
        train_images=images("train-images-idx3-ubyte"),
        train_labels=labels("train-labels-idx1-ubyte"),
        test_images=images("t10k-images-idx3-ubyte"),
        test_labels=labels("t10k-labels-idx1-ubyte"),
    )


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() or (folder / f"{name}.gz").is_file() for name in FILES)


def _read(folder: Path, name: str) -> bytes:
    plain, packed = folder / name, folder / f"{name}.gz"
    try:
        if plain.is_file():
            return plain.read_bytes()
        if packed.is_file():
            return gzip.decompress(packed.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetMissing(f"{packed}: cannot be read ({_one_line(error)}): replace it") from error
    raise DatasetMissing(f"{plain}: expected the file or its .gz, found neither: is this the Fashion-MNIST folder?")


def _from_debian(folder: Path) -> None:
    """`apt-get download` with state and cache of our own needs no root and changes nothing on the machine."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise DatasetMissing("there is no apt-get here")
    with tempfile.TemporaryDirectory() as temporary:
        apt = Path(temporary)
        for each in ("state/lists/partial", "cache/archives/partial"):
            (apt / each).mkdir(parents=True)
        (apt / "state/status").touch()
        options = [
            "-qq", "-o", f"Dir::State={apt}/state", "-o", f"Dir::State::status={apt}/state/status",
            "-o", f"Dir::Cache={apt}/cache", "-o", "APT::Sandbox::User=", "-o", "Acquire::Languages=none",
        ]  # fmt: skip
        for command in (["update"], ["download", PACKAGE]):
            _run(["apt-get", *options, *command], cwd=apt)
        package = next(apt.glob(f"{PACKAGE}_*.deb"), None)
        if package is None:
            raise DatasetMissing(f"apt-get brought no {PACKAGE}")
        _run(["dpkg-deb", "-x", str(package), str(apt / "tree")], cwd=apt)
        for name in FILES:
            shutil.copyfile(apt / "tree/usr/share/datasets/fashion-mnist" / f"{name}.gz", folder / f"{name}.gz")


def _from_network(folder: Path) -> None:
    import httpx

    try:
        with httpx.Client(timeout=30, follow_redirects=True) as client:
            for name in FILES:
                answer = client.get(f"{DOWNLOAD}/{name}.gz")
                answer.raise_for_status()
                (folder / f"{name}.gz").write_bytes(answer.content)
    except httpx.HTTPError as error:
        raise DatasetMissing(_one_line(error)) from error


def _run(command: list[str], cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, env={**os.environ, "LC_ALL": "C"}, check=False
    )
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise DatasetMissing(f"`{command[0]} {command[-1]}` ended with {done.returncode}: {lines[0][:200]}")


def _one_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


WAYS: tuple[tuple[str, Bring], ...] = (("the Debian package", _from_debian), ("a download", _from_network))


def find_fashion_mnist(
    configured: Path | None,
    assets_folder: Path,
    ways: Sequence[tuple[str, Bring]] = WAYS,
    sums: Mapping[str, str] = FILES,
) -> FashionMnist:
    """The data set, fetched into the assets folder when it is nowhere yet."""
    if configured is not None:
        return load_fashion_mnist(configured, sums)
    kept = assets_folder / "fashion-mnist"
    if not _complete(kept):
        fetch_fashion_mnist(kept, ways, sums)
    return load_fashion_mnist(kept, sums)


def fetch_fashion_mnist(
    destination: Path, ways: Sequence[tuple[str, Bring]] = WAYS, sums: Mapping[str, str] = FILES
) -> str:
    """Bring the files into `destination` (all or none) by the first way that works; returns which that was."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    problems = []
    for name, bring in ways:
        with tempfile.TemporaryDirectory(dir=destination.parent) as temporary:
            folder = Path(temporary) / "fashion-mnist"
            folder.mkdir()
            try:
                bring(folder)
                load_fashion_mnist(folder, sums)
            except (OSError, subprocess.SubprocessError, DatasetMissing) as error:
                problems.append(f"{name}: {_one_line(error)}")
                continue
            shutil.rmtree(destination, ignore_errors=True)
            folder.rename(destination)
            return name
    raise DatasetMissing(
        "Fashion-MNIST is not to be had here (" + "; ".join(problems) + "). "
        "Put its four idx files into a folder and set LATENTLOOP_FASHION_MNIST=/that/folder"
    )
