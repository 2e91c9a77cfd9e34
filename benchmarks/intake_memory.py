"""Prints by how many MiB a process grows that judges the worst files; `benchmarks.intake` runs it as a process.

The largest pictures are made by a child, so that the memory of making them is not counted.
"""

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.intake_bad import BAD_KINDS
from data_checks.input_validation import judge_image_bytes
from data_checks.intake.golden import find_changed_pixels
from data_checks.policy import InputPolicy
from vae_core.images.preprocessing import Preprocessing

POLICY = InputPolicy(min_variance=0, detect_inversion=False)
BOX = Preprocessing(channels=3, height=64, width=64, fit="pad")
WIDEST = Preprocessing(channels=3, height=1024, width=1024, fit="crop")


def _noise(height: int, width: int, channels: int) -> Image.Image:
    """Shades that do not compress to nothing."""
    row = np.random.default_rng(0).integers(0, 255, (1, width, channels), dtype=np.uint8)
    return Image.fromarray(np.repeat(row, height, axis=0))


LARGE: Mapping[str, Callable[[Path], None]] = {
    "JPEG of 50 megapixels": lambda path: _noise(5_770, 8_660, 3).save(path, "JPEG", quality=80),
    "progressive JPEG of 50 megapixels": lambda path: _noise(5_770, 8_660, 3).save(
        path, "JPEG", quality=80, progressive=True, subsampling=0
    ),
}
LARGER: Mapping[str, Callable[[Path], None]] = {
    "RGB PNG of 50 megapixels": lambda path: _noise(5_770, 8_660, 3).save(path, "PNG", compress_level=1),
    "RGBA PNG of 29 megapixels": lambda path: _noise(5_000, 5_800, 4).save(path, "PNG", compress_level=1),
    "CMYK TIFF of 25 megapixels": lambda path: Image.fromarray(np.asarray(_noise(5_000, 5_000, 4)), "CMYK").save(
        path, "TIFF", compression="tiff_adobe_deflate"
    ),
    "WebP of 16 megapixels": lambda path: _noise(4_000, 4_000, 3).save(path, "WEBP", quality=50, method=0),
    "AVIF of 16 megapixels": lambda path: _noise(4_000, 4_000, 3).save(path, "AVIF", quality=50, speed=10),
    "palette PNG of 29 megapixels": lambda path: (
        _noise(5_000, 5_800, 3).getchannel("R").convert("P").save(path, "PNG", transparency=0, compress_level=1)
    ),
}


def make_files(folder: Path, quick: bool) -> None:
    """Write the files that are judged; the bad ones too."""
    for number, (make, _) in enumerate(BAD_KINDS.values()):
        (folder / f"bad-{number:03d}").write_bytes(make())
    for number, save in enumerate([*LARGE.values(), *([] if quick else LARGER.values())]):
        save(folder / f"large-{number:03d}")


def forget_peak() -> None:
    """Let the kernel count the greatest memory from now on: a process inherits its parent's."""
    Path("/proc/self/clear_refs").write_text("5")


def read_peak_kib() -> int:
    """The greatest resident memory since it was forgotten, KiB."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])


def judge_all(folder: Path) -> Iterator[tuple[str, int]]:
    """Judge each file; its name, and the greatest memory so far in KiB."""
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        for preprocessing in (BOX, WIDEST):
            judged = judge_image_bytes(data, preprocessing, POLICY)
            if path.name.startswith("large") and not judged.accepted:
                print(f"{path.name}: refused: {judged.detail}", file=sys.stderr)
        yield path.name, read_peak_kib()


def main() -> None:
    """Make the files, judge them, print the MiB."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        maker = multiprocessing.get_context("spawn").Process(target=make_files, args=(Path(folder), quick))
        maker.start()
        maker.join()
        if maker.exitcode != 0:
            raise SystemExit("the files could not be made")
        find_changed_pixels()
        forget_peak()
        idle = read_peak_kib()
        worst = idle
        for name, memory in judge_all(Path(folder)):
            if memory > worst:
                print(f"{name}: {(memory - idle) / 1024:.0f} MiB", file=sys.stderr)
            worst = max(worst, memory)
    print((worst - idle) / 1024)


if __name__ == "__main__":
    main()
