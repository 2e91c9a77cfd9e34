"""Codes of images on their way into a prior: checked once, kept small on the device, split and ordered by a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.priors.code_prior_config import CodePriorConfig
from vae_core.training.data.order import require_sampling_weights, uniform_order, weighted_order

MAX_HELD_OUT = 2_000
"""Held-out images at most: a look at them costs a twentieth of the 400 steps before it."""


@dataclass(frozen=True, slots=True, eq=False)
class CodeSet:
    """Codes (N, h, w) on the device, in the smallest signed type that holds them.

    images: (N,) int64, the rows that the caller knows them by; None where those are 0 to N - 1.
    """

    codes: torch.Tensor
    images: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def rows(self, indices: torch.Tensor) -> torch.Tensor:
        """Those codes (B, h, w) as int64."""
        return self.codes.index_select(0, indices).long()

    def known_as(self, indices: torch.Tensor) -> tuple[int, ...]:
        """Those codes' rows in what the caller gave; waits for the device."""
        return tuple((indices if self.images is None else self.images[indices]).tolist())

    def pick(self, weights: np.ndarray | None) -> np.ndarray | None:
        """Of what the caller gave for each of his rows, that of these images, (N,)."""
        return weights if weights is None or self.images is None else weights[self.images.cpu().numpy()]


class CodeBatches:
    """The rows of each step; every epoch is drawn from (seed, epoch), its whole batches are used.

    weights: (N,), how often each image is drawn beside the others; None for a permutation.
    """

    def __init__(self, codes: CodeSet, *, batch_size: int, seed: int, weights: np.ndarray | None = None) -> None:
        self._codes, self._seed, self._weights = codes, seed, weights
        self.batch_size = min(batch_size, len(codes))
        self.steps_per_epoch = len(codes) // self.batch_size
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def take(self, step: int) -> torch.Tensor:
        """Codes (B, h, w) int64 of a step, counted from 0."""
        return self._codes.rows(self._indices(step))

    def images(self, step: int) -> tuple[int, ...]:
        """The caller's rows of the images of a step."""
        return self._codes.known_as(self._indices(step))

    def _indices(self, step: int) -> torch.Tensor:
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            order = self._draw(np.random.default_rng([self._seed, epoch]))
            self._epoch, self._order = epoch, torch.from_numpy(order).to(self._codes.codes.device)
        return self._order[position * self.batch_size : (position + 1) * self.batch_size]

    def _draw(self, generator: np.random.Generator) -> np.ndarray:
        if self._weights is None:
            return uniform_order(len(self._codes), generator)
        return weighted_order(self._weights, generator)


def place_codes(
    where: str, codes: torch.Tensor | np.ndarray, config: CodePriorConfig, device: str | torch.device
) -> CodeSet:
    """Put codes (N, h, w) of any integer type onto the device; DataError as `require_codes` says."""
    values = require_codes(where, codes, config)
    return CodeSet(values.to(torch.int16 if config.codebook_size <= 2**15 else torch.int32).to(device))


def split_codes(codes: CodeSet, held_out_share: float, seed: int) -> tuple[CodeSet, CodeSet]:
    """Part codes into those to fit and those held out, at least one each; DataError when there is only one."""
    if len(codes) < 2:
        raise DataError("fit_code_prior: expected at least 2 images, one of them held out, came 1; encode more images")
    count = min(MAX_HELD_OUT, len(codes) - 1, max(1, round(held_out_share * len(codes))))
    order = torch.from_numpy(uniform_order(len(codes), np.random.default_rng(seed))).to(codes.codes.device)
    fitted, held_out = order[count:], order[:count]
    known = torch.arange(len(codes), device=order.device) if codes.images is None else codes.images
    return CodeSet(codes.codes[fitted], known[fitted]), CodeSet(codes.codes[held_out], known[held_out])


def leave_out_unweighted(codes: CodeSet, weights: np.ndarray) -> CodeSet:
    """The images whose weights (N,) are above zero; DataError where those are no sampling weights of them."""
    require_sampling_weights(weights, len(codes))
    rows = torch.from_numpy(np.flatnonzero(weights)).to(codes.codes.device)
    return CodeSet(codes.codes[rows], rows)


def draw_weighted(codes: CodeSet, weights: np.ndarray | None, seed: int) -> CodeSet:
    """As many codes, each as often as its weight (N,) says beside the others; the same without weights."""
    if weights is None:
        return codes
    rows = torch.from_numpy(weighted_order(weights, np.random.default_rng(seed))).to(codes.codes.device)
    return CodeSet(codes.codes[rows])


def require_codes(where: str, codes: torch.Tensor | np.ndarray, config: CodePriorConfig) -> torch.Tensor:
    """Take codes (N, h, w), N ≥ 1, of any integer type as int64, where they are.

    DataError when there are none, or they are not of the config's grid and codebook.
    """
    (height, width), whole = config.grid, _are_whole(codes)
    if not whole or codes.ndim != 3 or tuple(codes.shape) != (len(codes), height, width) or len(codes) == 0:
        raise DataError(
            f"{where}: expected at least one grid of whole codes (N, {height}, {width}), "
            f"came {codes.dtype} {tuple(codes.shape)}; encode the images with the model of this prior"
        )
    values = codes.long() if isinstance(codes, torch.Tensor) else torch.from_numpy(codes.astype(np.int64))
    lowest, highest = torch.stack(values.aminmax()).tolist()
    if lowest < 0 or highest >= config.codebook_size:
        raise DataError(
            f"{where}: expected codes from 0 to {config.codebook_size - 1}, came {lowest} to {highest}; "
            "encode the images with the model of this prior"
        )
    return values


def independent_nll(fitted: CodeSet, held_out: CodeSet, codebook_size: int) -> float:
    """NLL in nats per image of held-out codes under each position's own frequencies, one half added to each count.

    What a prior that knows no neighbours would reach; how far a fitted one is below it is what it learned.
    """
    positions = fitted.codes[0].numel()
    offset = codebook_size * torch.arange(positions, device=fitted.codes.device)
    counts = torch.bincount(
        (fitted.codes.flatten(1).long() + offset).flatten(), minlength=positions * codebook_size
    ).double()
    log_share = torch.log((counts + 0.5) / (len(fitted) + 0.5 * codebook_size))
    return -float(log_share[held_out.codes.flatten(1).long() + offset].sum(1).mean())


def _are_whole(codes: torch.Tensor | np.ndarray) -> bool:
    if isinstance(codes, torch.Tensor):
        return not (codes.is_floating_point() or codes.is_complex() or codes.dtype == torch.bool)
    return codes.dtype.kind in "iu"
