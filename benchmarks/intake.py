"""The intake on every kind of file: right pixels against an oracle, refusals, memory, and the speed of large JPEGs.

    python -m benchmarks.intake [--quick] [--json FILE]

Before the fit pixels are compared with ImageMagick's (Debian's `imagemagick-6.q16`: orientation applied, colours by
its own Little CMS with the profile in the file, alpha over white), at a mean difference of one level of 255; behind the
fit with float64 resampling of ImageMagick's pixels. `valid_kinds_right` counts kinds that pass both. The same pixels
must come out of the gate as serving calls it and as ingestion does (`paths_equal`: of one file twice, of the pixels
that were kept, and of an array of them).

`memory_over_idle_mib`: the greatest resident memory of a process that judges every bad file and the largest pictures
that the defaults admit, above what it has once everything is loaded. `draft_vs_*`: a baseline JPEG of 12 megapixels
(2 MB) to 64 px, in CPU seconds, against bare Pillow on the same file: `bare_full_decode` is all its pixels as an array,
not resized, as in `benchmarks.ingest`; `bare_draft` the same 64 px by Pillow's own draft, which tells how much of the
first is to be had: the entropy coding is read in full however small the picture is wanted. Without a bar: `load_alone`,
the pixels left inside Pillow, and `full_decode_resized`, 64 px of all pixels.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from benchmarks.float_resampling import fit_float
from benchmarks.form import Result, make_report, publish_report
from benchmarks.intake_bad import BAD_KINDS
from benchmarks.intake_kinds import MORE_KINDS, VALID_KINDS, ValidFile, photograph
from benchmarks.stopwatch import measure_interleaved, one_thread
from data_checks.input_validation import judge_image_array, judge_image_bytes
from data_checks.policy import InputPolicy
from vae_core.images.preprocessing import Preprocessing

Pixels = NDArray[np.float64]

POLICY = InputPolicy(min_variance=0, detect_inversion=False)
ORACLES = ("convert-im6.q16", "magick")
LEVEL = 1.0
FIT_HEIGHT, FIT_WIDTH = 24, 28
LEAST_VS_FULL, LEAST_VS_DRAFT = 4.0, 0.9
MOST_MEMORY_MIB = 512.0
NOT_ASKED = ("AVIF",)
"""ImageMagick 6.9.11 upsamples AVIF's colours by repeating them, libavif smoothly: 2.6 levels apart on the mean."""


class OracleMissing(Exception):
    """There is no ImageMagick to ask."""


class ImageMagick:
    """What ImageMagick makes of a file."""

    def __init__(self, folder: Path) -> None:
        program = next((found for name in ORACLES if (found := shutil.which(name))), None)
        if program is None:
            raise OracleMissing("no ImageMagick here; install Debian's imagemagick-6.q16")
        self._program, self._folder = program, folder
        self._srgb = folder / "srgb.icc"
        self._srgb.write_bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())

    def decode(self, file: ValidFile) -> Pixels:
        """Pixels (H, W, 3), upright sRGB over white, on 0..255, from 16 bits; under a name of 200 letters."""
        path = self._folder / f"{'long' * 50}.{file.ending}"
        path.write_bytes(file.data)
        asked = [
            self._program, str(path), "-auto-orient", "-profile", str(self._srgb), "-colorspace", "sRGB",
            "-background", "#ffffff", "-alpha", "remove", "-alpha", "off", "-type", "TrueColor", "-depth", "16",
            "-endian", "LSB", "rgb:-",
        ]  # fmt: skip
        answer = subprocess.run(asked, capture_output=True, check=True).stdout
        path.unlink()
        return np.frombuffer(answer, "<u2").reshape(file.expected.shape) / 257.0


def run(quick: bool) -> list[Result]:
    """Compare, refuse, and measure; OracleMissing without ImageMagick."""
    with tempfile.TemporaryDirectory() as folder, one_thread():
        oracle = ImageMagick(Path(folder))
        return [
            *valid_results("valid_kinds_right", VALID_KINDS, oracle),
            *valid_results("more_valid_kinds_right", MORE_KINDS, oracle),
            *large_results(oracle, 5 if quick else 11),
            refused_result(),
            memory_result(quick),
        ]


def valid_results(name: str, kinds: Mapping[str, Callable[[], ValidFile]], oracle: ImageMagick) -> list[Result]:
    """How many kinds are right; the largest mean difference of any; whether all paths agree."""
    asked = {kind: make for kind, make in kinds.items() if kind not in NOT_ASKED}
    away, equal = {}, 0
    for kind, make in asked.items():
        file = make()
        away[kind] = max(measure_distances(file, oracle.decode(file)))
        equal += paths_equal(file)
        if away[kind] > LEVEL:
            print(f"{kind}: {away[kind]:.3f} levels from the oracle", file=sys.stderr)
    right = sum(value <= LEVEL for value in away.values())
    return [
        Result.of(name, right, "kinds", limit=len(asked), direction="higher", n=len(asked)),
        Result.of(f"{name}_largest_difference", max(away.values()), "levels of 255", limit=LEVEL, n=len(asked)),
        Result.of(f"{name}_paths_equal", equal, "kinds", limit=len(asked), direction="higher", n=len(asked)),
    ]


def measure_distances(file: ValidFile, oracle: Pixels) -> list[float]:
    """Mean differences, in levels: before the fit where a model could have that size, and behind each fit."""
    height, width = oracle.shape[:2]
    found = []
    if min(height, width) >= 4 and max(height, width) <= 1024:
        same = Preprocessing(channels=3, height=height, width=width)
        found.append(float(np.abs(judge(file.data, same) - oracle).mean()))
    for fit in ("pad", "crop", "stretch"):
        box = Preprocessing.model_validate(
            {"channels": 3, "height": FIT_HEIGHT, "width": FIT_WIDTH, "fit": fit, "padding": "#ffffff"}
        )
        expected = fit_float(oracle, FIT_HEIGHT, FIT_WIDTH, fit)
        found.append(float(np.abs(judge(file.data, box) - expected).mean()))
    return found


def judge(data: bytes, preprocessing: Preprocessing) -> Pixels:
    """What the gate makes of a file, (H, W, C); infinitely far from everything where it refuses it."""
    judged = judge_image_bytes(data, preprocessing, POLICY)
    if judged.pixels is None or not judged.accepted:
        return np.full((preprocessing.height, preprocessing.width, preprocessing.channels), np.inf)
    return judged.pixels.transpose(1, 2, 0).astype(np.float64)


def paths_equal(file: ValidFile) -> bool:
    """Whether a file, its pixels as a catalogue keeps them (PNG), and an array of them are one image, bit for bit."""
    box = Preprocessing(channels=3, height=FIT_HEIGHT, width=FIT_WIDTH, fit="pad")
    served, ingested = (judge_image_bytes(file.data, box, POLICY).pixels for _ in range(2))
    if served is None or ingested is None:
        return False
    kept = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(ingested.transpose(1, 2, 0))).save(kept, "PNG")
    trained = judge_image_bytes(kept.getvalue(), box, POLICY).pixels
    sent = judge_image_array(ingested, box, POLICY).pixels
    return all(each is not None and np.array_equal(each, served) for each in (ingested, trained, sent))


def large_results(oracle: ImageMagick, rounds: int) -> list[Result]:
    """A photograph of 12 megapixels: its pixels at 64 px, and the speed against bare Pillow."""
    file = photograph()
    box = Preprocessing(channels=3, height=64, width=64, fit="stretch")
    away = float(np.abs(judge(file.data, box) - fit_float(oracle.decode(file), 64, 64, "stretch")).mean())
    seconds, _ = measure_interleaved(
        {
            "ours": lambda: float(judge(file.data, box).mean()),
            "full": lambda: _decode(file.data),
            "load": lambda: _load(file.data),
            "draft": lambda: _bare(file.data, draft=(128, 128)),
            "resized": lambda: _bare(file.data),
        },
        rounds,
    )
    return [
        Result.of("megapixels_12_difference", away, "levels of 255", limit=LEVEL),
        Result.of("megapixels_12_cpu_s", seconds["ours"], "CPU s"),
        _ratio("draft_vs_bare_full_decode", seconds["full"], seconds["ours"], LEAST_VS_FULL),
        _ratio("draft_vs_bare_draft", seconds["draft"], seconds["ours"], LEAST_VS_DRAFT),
        _ratio("draft_vs_load_alone", seconds["load"], seconds["ours"], None),
        _ratio("draft_vs_full_decode_resized", seconds["resized"], seconds["ours"], None),
    ]


def _bare(data: bytes, draft: tuple[int, int] | None = None) -> float:
    """Pillow alone: 64 px of all pixels, or of as many as a draft for twice the target gives."""
    with Image.open(io.BytesIO(data)) as image:
        if draft is not None:
            image.draft("RGB", draft)
        return float(np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC)).mean())


def _decode(data: bytes) -> float:
    """Pillow alone: all pixels as an array."""
    with Image.open(io.BytesIO(data)) as image:
        return float(np.asarray(image)[0, 0, 0])


def _load(data: bytes) -> float:
    """Pillow alone: all pixels, left inside it."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return 0.0


def _ratio(name: str, theirs: list[float], ours: list[float], limit: float | None) -> Result:
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    return Result.of(name, ratios, "times", limit=limit, direction="higher")


def refused_result() -> Result:
    """How many of the bad kinds are refused for the reason that belongs to them."""
    box = Preprocessing(channels=3, height=48, width=64, fit="pad")
    right = 0
    for kind, (make, reason) in BAD_KINDS.items():
        came = judge_image_bytes(make(), box, InputPolicy()).refusal
        right += came is reason
        if came is not reason:
            print(f"{kind}: expected {reason}, came {came}", file=sys.stderr)
    count = len(BAD_KINDS)
    return Result.of("bad_kinds_refused", right, "kinds", limit=count, direction="higher", n=count)


def memory_result(quick: bool) -> Result:
    """The greatest memory of a process of its own, above what it has before the first file."""
    asked = [sys.executable, "-m", "benchmarks.intake_memory", *(["--quick"] if quick else [])]
    ended = subprocess.run(asked, capture_output=True, text=True, check=True)
    return Result.of("memory_over_idle_mib", float(ended.stdout.split()[-1]), "MiB", limit=MOST_MEMORY_MIB)


def main() -> int:
    """Parse, run, print; 1 when a bar is missed, 2 when ImageMagick is not there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intake", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds of speed, and no 50 megapixels but JPEG")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    try:
        results = run(arguments.quick)
    except OracleMissing as error:
        print(f"intake: {error}", file=sys.stderr)
        return 2
    return publish_report(make_report("intake", results), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
