"""The command line that benchmarks on real images share: what they are told, what they lack, and how they end."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.form import Result, make_report, publish_report
from benchmarks.idx_images import DataMissing, find_idx_images
from benchmarks.peers.load import PeerMissing
from vae_core.errors import VaeCoreError
from vae_core.evaluation.features.convert_features import convert_efflite0


def make_parser(name: str, description: str | None, quick: str) -> ArgumentParser:
    """Make a parser of --data, --quick (with these words) and --json."""
    parser = ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder with the idx files of Fashion-MNIST")
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    return parser


def add_weights(parser: ArgumentParser) -> None:
    """Add --weights, for benchmarks that measure in features."""
    parser.add_argument("--weights", type=Path, metavar="FILE", help="converted weights; converted here by default")


def find_images(folder: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Read the training and the test images, uint8 (N, 1, H, W) each; DataMissing where there are none."""
    if folder is None:
        raise DataMissing("--data FOLDER is missing; figures of synthetic images would say nothing")
    return find_idx_images(folder, "train"), find_idx_images(folder, "t10k")


@contextmanager
def converted_weights(path: Path | None) -> Iterator[Path]:
    """The feature network's weights at this path, or, without one, in a folder that lasts as long as the context."""
    with tempfile.TemporaryDirectory() as folder:
        yield convert_efflite0(path or Path(folder) / "efflite0.safetensors")


def measure_and_publish(name: str, measure: Callable[[], Sequence[Result]], json_path: Path | None) -> int:
    """Measure, print; 1 when a bar is missed, 2 when images or a peer are missing."""
    try:
        results = measure()
    except (DataMissing, PeerMissing, VaeCoreError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    return publish_report(make_report(name, results), json_path)
