"""The sample in the proposed form: the pixels that a model would see, and what is measured on them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_checks.input_validation import judge_image_bytes
from data_checks.near_duplicates.fingerprint import take_fingerprints
from data_checks.near_duplicates.groups import Groups
from latentloop.init.looking.look import EVERYTHING, Look, Unusable
from latentloop.init.looking.sample import Files
from latentloop.init.looking.survey import Survey
from vae_core.images.preprocessing import Preprocessing, pixel_digest

_NUMBERS = re.compile(r" from \d+x\d+| \d+(?= applied)")


@dataclass(frozen=True, slots=True, eq=False)
class Converted:
    """N pictures: their looks, pixels uint8 (N, C, H, W), variance and entropy (N,); and those that did not become any.

    `conversions` names what was done to each, without its own numbers.
    """

    looks: tuple[Look, ...]
    pixels: NDArray[np.uint8]
    variance: NDArray[np.float64]
    entropy_bits: NDArray[np.float64]
    conversions: tuple[tuple[str, ...], ...]
    refused: tuple[Unusable, ...]


def convert(surveyed: Survey, looks: Sequence[Look], files: Files, form: Preprocessing) -> Converted:
    """Take every picture of the sample through input validation in this form."""
    opened = {each.path: each for each in looks}
    kept, pixels, figures, conversions = list[Look](), list[NDArray[np.uint8]](), list[tuple[float, float]](), []
    refused = []
    for look, data in _again(surveyed, opened, files):
        judged = judge_image_bytes(data, form, EVERYTHING)
        if judged.pixels is None or judged.statistics is None:
            refused.append(Unusable(look.path, str(judged.refusal), judged.detail))
            continue
        kept.append(look)
        pixels.append(judged.pixels)
        figures.append((judged.statistics.variance, judged.statistics.entropy_bits))
        conversions.append(tuple(_NUMBERS.sub("", each) for each in judged.conversions))
    stacked = np.stack(pixels) if pixels else np.zeros((0, *form.shape), np.uint8)
    columns = np.array(figures).reshape(-1, 2).T
    return Converted(tuple(kept), stacked, columns[0], columns[1], tuple(conversions), tuple(refused))


def _again(surveyed: Survey, opened: dict[str, Look], files: Files) -> Iterator[tuple[Look, bytes]]:
    for found in surveyed.chosen:
        if (look := opened.get(found.path)) is not None and (data := files.again(found)) is not None:
            yield look, data


@dataclass(frozen=True, slots=True)
class Twins:
    """Pictures of the sample beyond the first of each: with equal pixels, and that only look alike."""

    exact: int
    near: int


def count_twins(pixels: NDArray[np.uint8]) -> Twins:
    """By the digests and the fingerprints that keep copies of a held-out picture out of a training."""
    if not len(pixels):
        return Twins(0, 0)
    distinct = {pixel_digest(each): number for number, each in enumerate(pixels)}
    rows = np.array(sorted(distinct.values()))
    groups = Groups(take_fingerprints(pixels[rows])).of(np.arange(len(rows)))
    return Twins(exact=len(pixels) - len(rows), near=len(rows) - len(np.unique(groups)))
