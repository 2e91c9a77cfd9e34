"""Which images of the window are of a kind that the reference does not know? Found in clusters, without labels.

The window's and the reference's images are clustered together, by where they lie in the code space, or in another
where kinds lie apart (`kind_space`), and by how badly they are reconstructed: a kind that the model never saw may be
coded among known ones, and its error gives it away. Clusters are chosen on one half of the images and judged on the
other, so that no cluster is praised for the luck that it was chosen for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from data_checks.kinds.clusters import fit_clusters
from data_checks.sample import Sample
from data_checks.statistics.rates import measure_rate


@dataclass(frozen=True, slots=True, eq=False)
class NewKind:
    """Images of the window in clusters whose share rose most against the reference.

    indices (K,) int64, ascending: rows of the window in those clusters, K >= 1. distinct: how many different images
    they are; one that was sent again has the same digest, or, where that was not kept, the same code, bit for bit.
    share: K / images of the window.
    share_low: lower 95 % bound of the rise (their share in the window minus their share in the reference).
    purity: share of the found images that the rise explains, 1 - share in the reference / share in the window; the
    others would have been there anyway. Both are measured on images that did not choose the clusters, each once.
    error_ratio: mean recon_error of the found / of the reference; near 1 the kinds are known ones in a new mix.
    clusters: number of clusters.
    """

    indices: NDArray[np.int64]
    distinct: int
    share: float
    share_low: float
    purity: float
    error_ratio: float
    clusters: int


class NewKindPolicy(BaseModel):
    """How clusters are made, which are chosen, and when their rise counts.

    The defaults were chosen on Fashion-MNIST with models that never saw two of its classes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    clusters: int = Field(64, ge=2, le=1024, description="at most; fewer where there are fewer images")
    images_per_cluster: int = Field(20, ge=2, description="on average and at least, of window and reference together")
    error_weight: float = Field(
        2.0, ge=0, le=100, description="of the log error in reference standard deviations, beside the codes as they are"
    )
    min_purity: float = Field(
        0.6, ge=0, lt=1, description="1 - share in the reference / share in the window, of a cluster to be chosen"
    )
    min_found_purity: float = Field(
        0.5, ge=0, lt=1, description="the same of all found together, at 95 %, on images that did not choose"
    )
    min_rise: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="smallest rise that matters, share of the traffic; the lower 95 % bound reaches it",
    )
    min_rise_sd: float = Field(
        2.0,
        ge=0,
        le=100,
        description="rise of a cluster to be chosen, in its standard deviations; chooses, does not judge",
    )
    false_alarm_rate: float = Field(
        0.01, gt=0, lt=0.5, description="largest probability of an answer where window and reference are alike"
    )
    block_images: int = Field(50, ge=1, description="consecutive images that stay in one half: neighbours may be alike")
    min_images: int = Field(200, ge=40, description="that differ, in the window and in the reference")


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """The usable images of window or reference.

    rows (N,): where each distinct image lies in the sample, with its block (N,) and whether it chooses (N,).
    every (M,): all finite rows of the sample, with the place in `rows` (M,) of the image that each shows.
    """

    every: NDArray[np.int64]
    place: NDArray[np.int64]
    rows: NDArray[np.int64]
    blocks: NDArray[np.int64]
    chooses: NDArray[np.bool_]


Places = tuple[NDArray[np.floating], NDArray[np.floating]]
"""Where the images of a window (M, D) and of a reference (N, D) lie in one space."""


def find_new_kind(
    current: Sample, reference: Sample, policy: NewKindPolicy, *, seed: int, places: Places | None = None
) -> NewKind | None:
    """Find the images of the window in clusters whose share rose; None where no rise is significant and matters.

    None as well where most of the found might have been there anyway, and where window or reference have fewer than
    `min_images` that differ. An image sent again and again counts once, images with NaN or infinite numbers do not
    count. `places`: of their images in finite numbers; without them their codes. ValueError when the codes are of
    another model's size.
    """
    if current.latent_dim != reference.latent_dim:
        raise ValueError(
            f"new kind: expected codes of {reference.latent_dim} dimensions as in the reference, came "
            f"{current.latent_dim}; compare a version with its own reference"
        )
    rng = np.random.default_rng(seed)
    window, known = _usable(current, policy, rng), _usable(reference, policy, rng)
    if min(len(window.rows), len(known.rows)) < policy.min_images:
        return None
    lie = (current.mu[window.rows], reference.mu[known.rows])
    if places is not None:
        lie = (places[0][window.rows], places[1][known.rows])
    errors = (current.recon_error[window.rows], reference.recon_error[known.rows])
    in_window, in_reference = _cluster(lie, errors, policy, seed)
    chosen = _choose(in_window, window.chooses, in_reference, known.chooses, policy)
    hit_window, hit_reference = chosen[in_window], chosen[in_reference]
    held_window, held_reference = ~window.chooses, ~known.chooses
    risen = _Rise(
        hit_window[held_window], window.blocks[held_window],
        hit_reference[held_reference], known.blocks[held_reference],
    )  # fmt: skip
    significant = risen.lower_bound(1 - policy.false_alarm_rate) > 0
    mostly_new = risen.lower_bound(0.95, least=policy.min_found_purity) > 0
    share_low = risen.lower_bound(0.95)
    if not (significant and mostly_new and share_low >= policy.min_rise):
        return None
    found = window.every[hit_window[window.place]]
    known_error = max(float(reference.recon_error[known.every].astype(np.float64).mean()), 1e-12)
    return NewKind(
        indices=found,
        distinct=int(hit_window.sum()),
        share=len(found) / len(current),
        share_low=share_low,
        purity=risen.purity,
        error_ratio=float(current.recon_error[found].astype(np.float64).mean() / known_error),
        clusters=int(chosen.sum()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Rise:
    """Which held-back images of window and reference lie in the chosen clusters, and their blocks."""

    window: NDArray[np.bool_]
    window_blocks: NDArray[np.int64]
    reference: NDArray[np.bool_]
    reference_blocks: NDArray[np.int64]

    @property
    def purity(self) -> float:
        return float(np.clip(1 - self.reference.mean() / max(self.window.mean(), 1e-12), 0, 1))

    def lower_bound(self, confidence: float, *, least: float = 0.0) -> float:
        """Bound the rise from below; with `least`, what is left of it when so much of the found must be new.

        The smaller of two bounds: of independent images, and of blocks, which differ more where neighbours are alike.
        """
        return min(self._exact(confidence, 1 - least), self._by_blocks(confidence, 1 - least))

    def _exact(self, confidence: float, weight: float) -> float:
        """Clopper-Pearson on both shares, each with half of the error probability."""
        each = 1 - (1 - confidence) / 2
        window = measure_rate(int(self.window.sum()), len(self.window), confidence=each)
        reference = measure_rate(int(self.reference.sum()), len(self.reference), confidence=each)
        return weight * window.low - reference.high

    def _by_blocks(self, confidence: float, weight: float) -> float:
        """Welch's t bound over the shares of blocks."""
        from scipy.special import stdtrit

        window = weight * _block_shares(self.window, self.window_blocks)
        reference = _block_shares(self.reference, self.reference_blocks)
        parts = window.var(ddof=1) / len(window), reference.var(ddof=1) / len(reference)
        rise, variance = float(window.mean() - reference.mean()), float(sum(parts))
        if variance == 0:
            return rise
        freedom = variance**2 / (parts[0] ** 2 / (len(window) - 1) + parts[1] ** 2 / (len(reference) - 1))
        return rise - float(stdtrit(freedom, confidence)) * float(np.sqrt(variance))


def _usable(sample: Sample, policy: NewKindPolicy, rng: np.random.Generator) -> _Side:
    """Take finite images, each once, and deal their blocks out to two halves."""
    codes = np.ascontiguousarray(sample.mu)
    finite = np.isfinite(codes).all(axis=1) & np.isfinite(sample.recon_error) & (sample.recon_error >= 0)
    every = np.flatnonzero(finite)
    names = codes if sample.image_digest is None or not sample.image_digest.all() else sample.image_digest
    _, first, same = np.unique(names[every], axis=0, return_index=True, return_inverse=True)
    rows, place = every[np.sort(first)], np.argsort(np.argsort(first))[same.reshape(-1)]
    # at least ten blocks a half, or the bound over blocks says nothing
    length = max(1, min(policy.block_images, len(rows) // 20))
    blocks = np.arange(len(rows)) // length
    count = int(blocks[-1]) + 1 if len(rows) else 0
    first_half = rng.permutation(count) < count // 2
    return _Side(every, place, rows, blocks, first_half[blocks])


def _cluster(
    places: Places, errors: Places, policy: NewKindPolicy, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find each image's cluster. Both sides make the clusters alike; the reference gives but the scale of the error."""
    logs = [np.log(np.maximum(each.astype(np.float64), 1e-12)) for each in errors]
    centre, spread = logs[1].mean(), max(float(logs[1].std()), 1e-12)
    points = [
        np.column_stack([each.astype(np.float64), policy.error_weight * (log - centre) / spread])
        for each, log in zip(places, logs, strict=True)
    ]
    both = np.concatenate(points)
    k = max(2, min(policy.clusters, len(both) // policy.images_per_cluster))
    clusters = fit_clusters(both, k=k, seed=seed)
    return clusters.assign(points[0]), clusters.assign(points[1])


def _choose(
    window: NDArray[np.int64],
    window_chooses: NDArray[np.bool_],
    reference: NDArray[np.int64],
    reference_chooses: NDArray[np.bool_],
    policy: NewKindPolicy,
) -> NDArray[np.bool_]:
    """Choose the clusters whose share rose steeply, and by more than noise would, in the halves that choose."""
    k = int(max(window.max(), reference.max())) + 1
    count = np.bincount(window[window_chooses], minlength=k)
    known = np.bincount(reference[reference_chooses], minlength=k)
    share, before = count / count.sum(), known / known.sum()
    # one image more on both sides: the share of an empty cluster is not known without error
    sd = np.sqrt((count + 1) / count.sum() ** 2 + (known + 1) / known.sum() ** 2)
    chosen: NDArray[np.bool_] = (before <= (1 - policy.min_purity) * share) & (share - before > policy.min_rise_sd * sd)
    return chosen


def _block_shares(hits: NDArray[np.bool_], blocks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of hits in each block."""
    _, block = np.unique(blocks, return_inverse=True)
    shares: NDArray[np.float64] = np.bincount(block, hits) / np.bincount(block)
    return shares
