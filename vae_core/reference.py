"""What a version's acceptance data looked like to it: the yardstick for its traffic, travelling with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from vae_core.errors import ArtifactError, DataError
from vae_core.families.columns import Own, numbers_in, take_column
from vae_core.families.registry import closest_columns, family_of
from vae_core.images.inversion import MOST_REFUSED, measure_inversion, tells_negatives

if TYPE_CHECKING:  # who only reads one needs no torch
    import torch

    from vae_core.families.scores import Scores
    from vae_core.families.variants import AnyModel

HISTOGRAM_BINS = 16
"""Of 16 grey levels each."""

CHUNK = 512

_PER_IMAGE = ("recon_error", "norm", "image_mean", "image_variance", "image_entropy")


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Codes, errors and image statistics of N images, in the order of the images.

    mu (N, D) float16; recon_error, norm (N,) float32 as in `Scores`; image_mean and image_variance (N,) float32 of the
    pixels on [0, 1]; image_entropy (N,) float32, bits of the grey-level histogram, 0 to 4; histogram (16,) float32,
    the mean over images, sums to 1. own: the columns of its family, as they are stored. inversion (N,) float32, how
    much each image looks like a negative of the others (`measure_inversion`); None in versions of releases that did
    not know it.
    """

    mu: np.ndarray
    recon_error: np.ndarray
    norm: np.ndarray
    image_mean: np.ndarray
    image_variance: np.ndarray
    image_entropy: np.ndarray
    histogram: np.ndarray
    own: Own = field(default_factory=dict)
    inversion: np.ndarray | None = None
    _sorted: dict[str, np.ndarray] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # a request asks for three ranks: sorting once makes each a binary search
        numbers = {"recon_error": self.recon_error}
        numbers |= {name: self.own[name] for name in numbers_in(self.own)} | {"norm": self.norm}
        ordered = {name: np.sort(values) for name, values in numbers.items()}
        object.__setattr__(self, "_sorted", ordered)

    @property
    def ranked(self) -> tuple[str, ...]:
        """The measures that this version's images can be ranked by."""
        return tuple(self._sorted)

    def __len__(self) -> int:
        """N, the number of images."""
        return len(self.recon_error)

    def quantile_rank(self, name: str, value: float) -> float:
        """Share of the reference's values that are at most `value`, 0 to 1; NaN ranks above everything."""
        ordered = self._values(name)
        return float(np.searchsorted(ordered, value, side="right")) / len(ordered)

    def threshold(self, name: str, q: float) -> float:
        """Find the smallest value whose `quantile_rank` is at least q; DataError unless 0 ≤ q ≤ 1."""
        if not 0 <= q <= 1:
            raise DataError(f"reference: expected a quantile between 0 and 1, came {q}")
        return float(np.quantile(self._values(name), q, method="inverted_cdf"))

    def _values(self, name: str) -> np.ndarray:
        if name not in self._sorted:
            raise DataError(f"reference: expected one of {', '.join(self._sorted)}, came {name}; this model has none")
        return self._sorted[name]

    def column(self, name: str) -> np.ndarray:
        """A column that not every family has; DataError where this version's has none."""
        return take_column(self.own, name, "reference")

    def find_foreign_grid(self, grid: tuple[int, int] | None) -> str | None:
        """In words, where its grid of codes is not this one; None stands for no grid."""
        found = next((each.shape[1:] for each in self.own.values() if each.ndim == 3), None)
        return None if found == grid else f"grid of codes {found}, the model's is {grid}"

    def histogram_of_positives(self, margin: float, most_refused: float = MOST_REFUSED) -> np.ndarray | None:
        """What negatives are told by, (16,); None where more good images than `most_refused` might pass for one.

        Versions of releases that did not measure it are trusted, as they were.
        """
        known = self.inversion is None or tells_negatives(self.inversion, margin, most_refused)
        return self.histogram if known else None

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Name the arrays for a safetensors file."""
        import torch

        late = ("inversion",) if self.inversion is not None else ()
        first, last = ({name: getattr(self, name) for name in names} for names in (("mu",), (*_PER_IMAGE, "histogram")))
        arrays = {**first, **self.own, **last, **{name: getattr(self, name) for name in late}}
        return {name: torch.tensor(array) for name, array in arrays.items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> Reference:
        """Rebuild what `to_tensors` named; ArtifactError when it is no reference."""
        try:
            arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        except TypeError as error:  # a type of numbers that only torch has
            raise ArtifactError(f"reference: {error}; measure the reference again") from error
        return cls.from_arrays(arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Reference:
        """Likewise from the arrays of the file."""
        problem = _problem(arrays)
        if problem:
            raise ArtifactError(f"reference: {problem}; measure the reference again")
        own = {each.name: arrays[each.name] for each in closest_columns(arrays)}
        return cls(**{name: array for name, array in arrays.items() if name not in own}, own=own)


def measure_reference(
    model: AnyModel,
    pixels: np.ndarray,
    *,
    device: str = "cpu",
    on_progress: Callable[[int], None] = lambda done: None,
) -> Reference:
    """Measure a model in eval mode on its acceptance data, pixels uint8 (N, C, H, W), N ≥ 1.

    `on_progress` hears the number of images that were scored, which is nearly all of the work.
    """
    from vae_core.families.scores import Scores

    # chunk by chunk, so that the reconstructions of a whole catalogue never lie in memory together
    scored = []
    for start in _starts(pixels):
        scored.append(_score_briefly(model, pixels[start : start + CHUNK], device))
        on_progress(min(start + CHUNK, len(pixels)))
    scores = Scores.joined(scored)
    statistics = np.concatenate([_measure_pixels(pixels[start : start + CHUNK]) for start in _starts(pixels)])
    histogram = statistics[:, 3:].mean(axis=0)
    return Reference(
        mu=scores.mu.astype(np.float16),
        recon_error=scores.recon_error,
        norm=scores.norm,
        image_mean=statistics[:, 0].astype(np.float32),
        image_variance=statistics[:, 1].astype(np.float32),
        image_entropy=statistics[:, 2].astype(np.float32),
        histogram=histogram.astype(np.float32),
        own={each.name: scores.column(each.name).astype(each.stored) for each in family_of(model).columns},
        inversion=measure_inversion(statistics[:, 3:], histogram).astype(np.float32),
    )


def _score_briefly(model: AnyModel, pixels: np.ndarray, device: str) -> Scores:
    from vae_core.inference import score_images

    scores = score_images(model, pixels, device=device)
    # a copy: a view of nothing would keep them all in memory
    return replace(scores, reconstruction=scores.reconstruction[:0].copy())


def _starts(pixels: np.ndarray) -> range:
    return range(0, max(len(pixels), 1), CHUNK)  # an empty set reaches score_images, which refuses it


def _measure_pixels(pixels: np.ndarray) -> np.ndarray:
    """Mean, population variance, entropy in bits and the 16 shares of each image: (B, 19) float64."""
    rows = pixels.reshape(len(pixels), -1)
    shares = np.stack(
        [np.bincount(row >> 4, minlength=HISTOGRAM_BINS) for row in rows]
    ) / rows.shape[1]  # fmt: skip
    entropy = -(shares * np.log2(np.where(shares > 0, shares, 1.0))).sum(axis=1)
    unit = rows / 255.0
    return np.column_stack([unit.mean(axis=1), unit.var(axis=1), entropy, shares])


def _problem(arrays: Mapping[str, np.ndarray]) -> str | None:
    """Say what keeps the arrays from being a reference, or None."""
    own = closest_columns(arrays)
    expected = {"mu", *(each.name for each in own), *_PER_IMAGE, "histogram"}
    if set(arrays) - {"inversion"} != expected:
        return f"expected the tensors {sorted(expected)}, came {sorted(arrays)}"
    count = len(arrays["recon_error"]) if arrays["recon_error"].ndim else 0
    grids = [arrays[each.name] for each in own if each.form == "grid"]
    if count == 0 or arrays["mu"].ndim != 2 or any(each.ndim != 3 for each in grids):
        return "it holds no images, mu is not (N, D), or codes are not (N, h, w)"
    forms: dict[str, tuple[tuple[int, ...], str]] = {
        "mu": (arrays["mu"].shape, "float16"),
        "histogram": ((HISTOGRAM_BINS,), "float32"),
    }
    for each in own:
        axes = {"number": (), "vector": arrays["mu"].shape[1:], "grid": arrays[each.name].shape[1:]}[each.form]
        forms[each.name] = ((count, *axes), each.stored)
    for name, array in arrays.items():
        shape, dtype = forms.get(name, ((count,), "float32"))
        if array.shape != shape or array.dtype != dtype:
            return f"{name}: expected {dtype} {shape}, came {array.dtype} {array.shape}"
        if not bool(np.isfinite(array).all()):
            return f"{name}: some values are NaN or infinite"
    if any(bool((each < 0).any()) for each in grids):
        return "codes: some are negative"
    return None
