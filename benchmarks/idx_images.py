"""Images in the idx format of MNIST and Fashion-MNIST, for benchmarks that must see real ones."""

import gzip
from pathlib import Path

import numpy as np

IMAGE_MAGIC = 0x00000803


class DataMissing(Exception):
    """The real images that a benchmark needs are not there; the message says what to do."""


def read_idx_images(path: Path) -> np.ndarray:
    """Read images (N, 1, H, W) uint8 from an idx file, gzipped or not; DataMissing when it is none."""
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError) as error:
        raise DataMissing(
            f"{path}: cannot be read ({error}); point --data at a folder with the idx files of Fashion-MNIST"
        ) from error
    magic, count, height, width = np.frombuffer(content[:16].ljust(16, b"\0"), dtype=">u4").tolist()
    if magic != IMAGE_MAGIC or len(content) != 16 + count * height * width:
        raise DataMissing(f"{path}: {len(content)} bytes are no idx image file; fetch it again")
    return np.frombuffer(content, np.uint8, offset=16).reshape(count, 1, height, width)


def find_idx_images(folder: Path, kind: str) -> np.ndarray:
    """Read `KIND-images-idx3-ubyte` or its .gz from a folder; kind is train or t10k."""
    for name in (f"{kind}-images-idx3-ubyte.gz", f"{kind}-images-idx3-ubyte"):
        if (folder / name).exists():
            return read_idx_images(folder / name)
    raise DataMissing(f"{folder}: no {kind}-images-idx3-ubyte(.gz); point --data at the idx files of Fashion-MNIST")
