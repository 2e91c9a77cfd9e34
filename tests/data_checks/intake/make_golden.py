"""Writes the golden files and the digests of their pixels: `python -m tests.data_checks.intake.make_golden`.

To be run again only where pixels are meant to change: the versions of a running installation were made with these.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import data_checks.intake
from benchmarks.icc_profiles import make_matrix_profile
from benchmarks.intake_kinds import MORE_KINDS, VALID_KINDS, drawing, save
from benchmarks.png_writer import profile_chunk, write_png
from data_checks.intake.golden import FOLDER, LIST, GoldenFiles, digest_of
from vae_core.images.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(channels=3, height=24, width=28, fit="pad")
TAKEN = {
    "turned.jpg": "orientation 6",
    "progressive.jpg": "progressive",
    "quarters.jpg": "JPEG 4:1:1",
    "inks.jpg": "CMYK with its profile",
    "lossy.webp": "WebP lossy",
    "lossless.webp": "WebP lossless",
    "still.avif": "AVIF",
    "palette.png": "palette with transparency",
    "grey.png": "linear grey",
    "few.gif": "GIF",
    "fax.tif": "fax TIFF",
}


def make_files() -> dict[str, bytes]:
    """Every file by its name, some kilobytes together."""
    kinds = {**VALID_KINDS, **MORE_KINDS}
    small = drawing(20, 26)
    return {
        **{name: kinds[kind]().data for name, kind in TAKEN.items()},
        "reduced.jpg": save(Image.fromarray(drawing(200, 240)), "JPEG", quality=60),
        "wide.png": write_png(small, [profile_chunk(make_matrix_profile())]),
        "deep.png": write_png(small.astype(np.uint16) * 253),
        "lzw.tif": save(Image.fromarray(small), "TIFF", compression="tiff_lzw"),
        "plain.bmp": save(Image.fromarray(small).quantize(16), "BMP"),
    }


def write(folder: Path) -> None:
    """Write the files and their list."""
    folder.mkdir(exist_ok=True)
    files = make_files()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    golden = GoldenFiles(
        preprocessing=PREPROCESSING,
        digests={name: digest_of(data, PREPROCESSING) for name, data in sorted(files.items())},
    )
    (folder / LIST).write_text(golden.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    write(Path(data_checks.intake.__file__).parent / FOLDER)
