"""Images in the idx format of MNIST and Fashion-MNIST, for benchmarks that must see real ones."""

import gzip
from pathlib import Path

import numpy as np

IMAGE_MAGIC = 0x00000803
LABEL_MAGIC = 0x00000801


class DataMissing(Exception):
    """The real images that a benchmark needs are not there; the message says what to do."""


def read_idx_images(path: Path) -> np.ndarray:
    """Read images (N, 1, H, W) uint8 from an idx file, gzipped or not; DataMissing when it is none."""
    content = _read(path)
    magic, count, height, width = np.frombuffer(content[:16].ljust(16, b"\0"), dtype=">u4").tolist()
    if magic != IMAGE_MAGIC or len(content) != 16 + count * height * width:
        raise DataMissing(f"{path}: {len(content)} bytes are no idx image file; fetch it again")
    return np.frombuffer(content, np.uint8, offset=16).reshape(count, 1, height, width)


def read_idx_labels(path: Path) -> np.ndarray:
    """Read class numbers (N,) uint8 from an idx file, gzipped or not; DataMissing when it is none."""
    content = _read(path)
    magic, count = np.frombuffer(content[:8].ljust(8, b"\0"), dtype=">u4").tolist()
    if magic != LABEL_MAGIC or len(content) != 8 + count:
        raise DataMissing(f"{path}: {len(content)} bytes are no idx label file; fetch it again")
    return np.frombuffer(content, np.uint8, offset=8)


def find_idx_images(folder: Path, kind: str) -> np.ndarray:
    """Read `KIND-images-idx3-ubyte` or its .gz from a folder; kind is train or t10k."""
    return read_idx_images(_find(folder, f"{kind}-images-idx3-ubyte"))


def find_idx_labels(folder: Path, kind: str) -> np.ndarray:
    """Read `KIND-labels-idx1-ubyte` or its .gz from a folder; kind is train or t10k."""
    return read_idx_labels(_find(folder, f"{kind}-labels-idx1-ubyte"))


def _find(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.exists():
            return path
    raise DataMissing(f"{folder}: no {name}(.gz); point --data at the idx files of Fashion-MNIST")


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError) as error:
        raise DataMissing(
            f"{path}: cannot be read ({error}); point --data at a folder with the idx files of Fashion-MNIST"
        ) from error
