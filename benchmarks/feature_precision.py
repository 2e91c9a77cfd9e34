"""Whether features in bf16 give the same Fréchet distance as in fp32, and what they cost on one thread.

    python -m benchmarks.feature_precision --data FOLDER [--weights FILE.safetensors] [--quick] [--json FILE]

Real images only (idx files): 5,000 against 5,000 others, and against blurred ones in three strengths. A
difference is seen beside the distance's own sampling error.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.ndimage

from benchmarks.command import add_weights, converted_weights, find_images, make_parser, measure_and_publish
from benchmarks.form import Result
from benchmarks.stopwatch import one_thread
from vae_core.evaluation.distances.frechet_interval import FrechetEstimate, frechet_interval, prepare_features
from vae_core.evaluation.features.extractor import EfficientNetLite0, Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
BLUR_SIGMAS_PX = (0.4, 0.7, 1.2)
CHUNK = 500


def run(
    images: np.ndarray, others: np.ndarray, weights: Path, blur_sigmas_px: Sequence[float] = BLUR_SIGMAS_PX
) -> list[Result]:
    """Compare the precisions on two sets of real images (N, 1, H, W) uint8 of equal N."""
    extractors = {precision: EfficientNetLite0.load(weights, precision) for precision in PRECISIONS}
    fakes = {"real": others} | {f"blur_{sigma:g}px": blur(others, sigma) for sigma in blur_sigmas_px}
    with one_thread():
        reals, seconds = extract_interleaved(extractors, images)
        results = cost_results(seconds)
        prepared = {precision: prepare_features(features) for precision, features in reals.items()}
        for name, pixels in fakes.items():
            features, _ = extract_interleaved(extractors, pixels)
            results += distance_results(name, {p: frechet_interval(prepared[p], features[p]) for p in PRECISIONS})
        rounding = frechet_interval(prepared["fp32"], reals["bf16"])
    return [
        *results,
        Result.of("fd_of_fp32_to_bf16_same_images", rounding.value, "fd_efflite0", n=rounding.n_b),
    ]


def extract_interleaved(
    extractors: dict[Precision, EfficientNetLite0], pixels: np.ndarray
) -> tuple[dict[Precision, np.ndarray], dict[Precision, list[float]]]:
    """Features per precision, and the milliseconds of CPU time an image of every chunk."""
    features: dict[Precision, list[np.ndarray]] = {precision: [] for precision in extractors}
    milliseconds: dict[Precision, list[float]] = {precision: [] for precision in extractors}
    for start in range(0, len(pixels), CHUNK):
        for precision, extractor in extractors.items():
            chunk = pixels[start : start + CHUNK]
            begun = time.process_time()
            features[precision].append(extractor.extract(chunk))
            milliseconds[precision].append(1000 * (time.process_time() - begun) / len(chunk))
    return {precision: np.concatenate(parts) for precision, parts in features.items()}, milliseconds


def cost_results(milliseconds: dict[Precision, list[float]]) -> list[Result]:
    """Give the cost of an image in both precisions, and their ratio chunk by chunk."""
    ratios = [full / half for full, half in zip(milliseconds["fp32"], milliseconds["bf16"], strict=True)]
    return [
        Result.of("fp32_ms_per_image", milliseconds["fp32"], "CPU ms"),
        Result.of("bf16_ms_per_image", milliseconds["bf16"], "CPU ms"),
        Result.of("bf16_speedup", ratios, "times", direction="higher"),
    ]


def distance_results(name: str, distances: dict[Precision, FrechetEstimate]) -> list[Result]:
    """Both distances to one set, their relative difference and their relative sampling error."""
    full, half = distances["fp32"], distances["bf16"]
    return [
        Result.of(f"fd_{name}_fp32", full.value, "fd_efflite0", n=full.n_b),
        Result.of(f"fd_{name}_bf16", half.value, "fd_efflite0", n=half.n_b),
        Result.of(f"fd_{name}_relative_difference", abs(half.value / full.value - 1), "1", limit=0.01, n=full.n_b),
        Result.of(f"fd_{name}_relative_standard_error", full.standard_error / full.value, "1", n=full.n_b),
    ]


def blur(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Blur images (N, C, H, W) uint8 with a Gaussian of sigma pixels."""
    sigmas = (0, 0, sigma, sigma)
    blurred = scipy.ndimage.gaussian_filter(pixels.astype(np.float32), sigma=sigmas, mode="nearest")
    rounded: np.ndarray = np.rint(blurred).clip(0, 255).astype(np.uint8)
    return rounded


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; 1 when a bar is missed, 2 when there is no real image to measure on."""
    parser = make_parser("feature_precision", __doc__, quick="2,000 images instead of 5,000")
    add_weights(parser)
    arguments = parser.parse_args(argv)
    n = 2_000 if arguments.quick else 5_000

    def measure() -> list[Result]:
        others, images = find_images(arguments.data)
        with converted_weights(arguments.weights) as weights:
            return run(images[:n], others[:n], weights)

    return measure_and_publish("feature_precision", measure, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
