"""What an ingest costs beside the decoding of its images, in CPU seconds on one thread; and its memory.

    python -m benchmarks.ingest [--quick] [--json FILE]

overhead = (ours - bare) / bare. `ours`: the whole ingest of captured segments, from the look for new ones to the last
commit (reading, gate, digests, Great Expectations, claims, Parquet, Delta Lake, ledger). `bare`: Pillow opens the very
same files in a folder, decodes them and hands them over as arrays, JPEGs reduced while decoding by as much as the gate
reduces them (Pillow's `draft`), so that both read and decode in the same way. Both in one process, interleaved round by
round, each round on images and a home of its own; one small ingest before brings the imports. `overhead_small`: PNGs of
28 px, a catalogue of 28 px. `overhead_large`: JPEGs of one megapixel, a catalogue of 64 px colour. A round of both is
sixteen segments, which one task takes and one run of Great Expectations judges in half a second. Perceptual hashes and
features are no part of an ingest: what needs them takes them later, and `benchmarks.leakage` times them.

`memory_growth`: peak resident memory of a process that ingests many images over that of one that ingests few, less 1.
Images of both lie in captures before; 28 px, the smallest, so that rows weigh most beside pixels.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.form import Result, make_report, publish_report
from benchmarks.stopwatch import one_thread
from deploy.wiring import World, open_world

SMALL_SETTINGS = "[input_policy]\nmin_variance = 0.0\n"
LARGE_SETTINGS = f"""{SMALL_SETTINGS}
[preprocessing]
channels = 3
height = 64
width = 64
fit = "stretch"
[training.model]
variant = "vq_vae"
channels = 3
height = 64
width = 64
"""
LARGE = (1_024, 976)  # pixels; one megapixel
SEGMENT_IMAGES = 1_000
SEGMENT_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Sizes:
    """Images a round of each kind, rounds, and the two sizes between which memory must not grow."""

    small: int
    large: int
    rounds: int
    few: int
    many: int


FULL = Sizes(small=16_000, large=1_600, rounds=5, few=10_000, many=500_000)
QUICK = Sizes(small=4_000, large=200, rounds=3, few=5_000, many=15_000)


def run(sizes: Sizes, measure_memory: Callable[[Path, int], float] | None = None) -> list[Result]:
    """Measure both overheads here, and peak memory, MiB, in processes of their own or by what is given."""
    measure_memory = measure_memory or measure_peak_mib
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        small = measure_overhead(Path(folder) / "small", SMALL_SETTINGS, small_png, sizes.small, sizes.rounds)
        large = measure_overhead(Path(folder) / "large", LARGE_SETTINGS, large_jpeg, sizes.large, sizes.rounds)
        few, many = (measure_memory(Path(folder) / f"memory-{n}", n) for n in (sizes.few, sizes.many))
    return [
        *small.results("small", sizes.small, 1.5),
        *large.results("large", sizes.large, 0.3),
        Result.of("memory_few_mib", few, "MiB", n=sizes.few),
        Result.of("memory_many_mib", many, "MiB", n=sizes.many),
        Result.of("memory_growth", many / few - 1, "1", limit=0.1, n=sizes.many),
    ]


@dataclass(frozen=True, slots=True)
class Seconds:
    """CPU seconds of each round."""

    ours: list[float]
    bare: list[float]

    def results(self, kind: str, images: int, limit: float) -> list[Result]:
        """Microseconds an image of both, and the overhead, the median over rounds."""
        ratios = [(ours - bare) / bare for ours, bare in zip(self.ours, self.bare, strict=True)]
        return [
            Result.of(f"ours_{kind}_us", [each / images * 1e6 for each in self.ours], "us", n=images),
            Result.of(f"bare_{kind}_us", [each / images * 1e6 for each in self.bare], "us", n=images),
            Result.of(f"overhead_{kind}", ratios, "1", limit=limit, n=images),
        ]


def measure_overhead(folder: Path, settings: str, make: Callable[[int], bytes], images: int, rounds: int) -> Seconds:
    """Time rounds of an ingest and of a bare decode of the same files; one small ingest before is not timed."""
    seconds = Seconds([], [])
    with _home(folder / "first", settings) as world:
        _capture(world, make, range(50))
        _ingest(world, 50)
    for number in range(rounds):
        first = (number + 1) * 1_000_000
        with _home(folder / str(number), settings) as world:
            files = _write_files(folder / str(number) / "files", make, range(first, first + images))
            _capture(world, make, range(first, first + images))
            for each in ("bare", "ours") if number % 2 else ("ours", "bare"):
                began = time.process_time()
                _decode(world, files) if each == "bare" else _ingest(world, images)
                getattr(seconds, each).append(time.process_time() - began)
        shutil.rmtree(folder / str(number))
    return seconds


def measure_peak_mib(folder: Path, images: int) -> float:
    """Peak resident memory of a process that ingests so many captured images, MiB."""
    with _home(folder, SMALL_SETTINGS) as world:
        _capture(world, small_png, range(images))
        command = [sys.executable, "-m", "benchmarks.ingest", "--only-ingest", str(images)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def small_png(seed: int) -> bytes:
    """A grey picture of 28 px, like a product on black ground; another one for another seed."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((28, 28), np.uint8)
    picture[4:24, 6:22] = rng.integers(60, 250, (20, 16))
    return _encode(picture, "PNG")


def large_jpeg(seed: int) -> bytes:
    """A colour picture of one megapixel with the detail of a photograph: soft shapes, and grain."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(coarse).resize(LARGE, Image.Resampling.BICUBIC)).astype(np.int16)
    grain = np.tile(rng.integers(-12, 13, (61, 64, 1), dtype=np.int16), (16, 16, 1))
    return _encode((soft + grain).clip(0, 255).astype(np.uint8), "JPEG", quality=90)


def _encode(pixels: np.ndarray, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def _write_files(folder: Path, make: Callable[[int], bytes], seeds: range) -> list[Path]:
    folder.mkdir()
    files = [folder / f"{seed}" for seed in seeds]
    for seed, file in zip(seeds, files, strict=True):
        file.write_bytes(make(seed))
    return files


def _decode(world: World, files: list[Path]) -> None:
    """Pillow alone, at the scale that the gate chooses for such files; they are all of one size."""
    from data_checks.intake.file import read_header
    from data_checks.intake.jpeg_pixels import choose_scale

    settings = world.settings
    scale = choose_scale(read_header(files[0].read_bytes(), settings.input_policy), settings.preprocessing)
    for file in files:
        with Image.open(file) as image:
            if scale > 1:
                image.draft(None, (-(-image.width // scale), -(-image.height // scale)))
            np.asarray(image)


def _capture(world: World, make: Callable[[int], bytes], seeds: range) -> None:
    """Bring the images into segments of bounded size."""
    from deploy.stores.objects.captures import CapturedImage, CaptureStore

    captures, at, size = CaptureStore(world.objects), datetime(2026, 1, 1, tzinfo=UTC), 0
    waiting: list[CapturedImage] = []
    for seed in seeds:
        waiting.append(CapturedImage(f"{seed}", "camera", at, make(seed)))
        size += len(waiting[-1].data)
        if len(waiting) == SEGMENT_IMAGES or size >= SEGMENT_BYTES or seed == seeds[-1]:
            captures.write_by_content(waiting)
            waiting, size = [], 0


def _ingest(world: World, images: int) -> None:
    """What the flow does, without a server."""
    from tasks.ingest import find_new_segments, ingest_segments

    counts = [ingest_segments.fn(world, chunk) for chunk in find_new_segments.fn(world)]
    accepted = sum(each.accepted + each.converted for each in counts)
    assert accepted == images, f"expected {images} images accepted, came {accepted}: {counts[0].reasons}"


class _home:
    """An installation of its own for the length of a block."""

    def __init__(self, folder: Path, settings: str) -> None:
        folder.mkdir(parents=True)
        (folder / "latentloop.toml").write_text(settings)
        self._new = {"LATENTLOOP_CONFIG": str(folder / "latentloop.toml"), "LATENTLOOP_HOME": str(folder / "home")}

    def __enter__(self) -> World:
        self._old = {name: os.environ.get(name) for name in self._new}
        os.environ.update(self._new)
        self._world = open_world()
        return self._world

    def __exit__(self, *error: object) -> None:
        self._world.engine.dispose()
        for name, value in self._old.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _peak_mib() -> float:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def main() -> int:
    """Parse, run, print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="4,000 small and 200 large images a round, memory to 15,000"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--only-ingest", type=int, metavar="N", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only_ingest is not None:
        _ingest(open_world(), arguments.only_ingest)
        print(json.dumps(_peak_mib()))
        return 0
    return publish_report(make_report("ingest", run(QUICK if arguments.quick else FULL)), arguments.json)


if __name__ == "__main__":
    sys.exit(main())
