"""Vector quantisation: every token becomes its nearest code (van den Oord et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import nn

from vae_core.errors import DataError
from vae_core.families.vq_vae.quantisers.codebook import RETIRED, EmaCodebook, GradientCodebook
from vae_core.families.vq_vae.quantisers.codebook_start import fit_kmeans
from vae_core.families.vq_vae.quantisers.gradient import Rotation, StraightThrough
from vae_core.families.vq_vae.quantisers.nearest import nearest_codes
from vae_core.families.vq_vae.quantisers.quantised import (
    Quantised,
    require_depth,
    require_finite,
    require_indices,
    to_grid,
    to_tokens,
)
from vae_core.ranks import ALONE

GRADIENTS: Mapping[str, type[StraightThrough] | type[Rotation]] = {
    "straight_through": StraightThrough,
    "rotation": Rotation,
}


class VectorQuantiser(nn.Module):
    """A codebook and the gradient through it; k-means on the first tokens starts it.

    In train mode a codebook that has none takes its codes from the first batch. `ranks` says with whom it is shared.
    """

    started: torch.Tensor

    def __init__(self, book: EmaCodebook | GradientCodebook, gradient: Literal["straight_through", "rotation"]) -> None:
        super().__init__()
        self.book, self.ranks, self.keeps_codes = book, ALONE, False
        self._gradient = GRADIENTS[gradient]
        self._known_started = False  # so that a GPU is asked once
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    @property
    def codes(self) -> int:
        """K, the size of the codebook."""
        return len(self.book.codebook)

    @torch.no_grad()
    def begin(self) -> None:
        """Forget everything: the next batch in train mode starts the codebook."""
        for tensor in self.state_dict().values():
            tensor.zero_()
        self._known_started = False

    def start(self, tokens: torch.Tensor, generator: torch.Generator, batches: int = 1) -> None:
        """Take the k-means centres of the tokens (N, d) of so many batches; DataError for too few, NaN or infinity."""
        found = fit_kmeans(tokens.detach(), self.codes, generator, ranks=self.ranks)
        # the averages are those of one batch
        self.book.fill(replace(found, counts=found.counts / batches))
        self.started.fill_(True)
        self._known_started = True

    def quantise(self, z_e: torch.Tensor, generator: torch.Generator | None) -> Quantised:
        """Replace every vector of z_e (B, d, h, w) by its nearest code.

        All of it in float32 outside autocast. DataError for a grid of another depth, when the codes are to be started
        without a generator, or in eval mode on a CPU for values that are not finite; else they make the commitment NaN.
        """
        require_depth(z_e, self.book.codebook.shape[1])
        with torch.autocast(z_e.device.type, enabled=False):
            tokens = to_tokens(z_e)
            if self.training:
                self._start_once(tokens, generator)
            indices = nearest_codes(tokens.detach(), self.book.codebook)
            codes, commitment = self._gradient.apply(tokens, self.book.codebook.detach(), indices)  # type: ignore[no-untyped-call]
            if not self.training:  # in training the loss says it, on all ranks at once, and no weight moves
                require_finite(commitment)
            codebook_loss = self.book.pull(tokens, indices)
        return Quantised(to_grid(codes, z_e), indices.view(len(z_e), *z_e.shape[2:]), commitment, codebook_loss)

    def follow(self, z_e: torch.Tensor, indices: torch.Tensor, generator: torch.Generator) -> None:
        """Let the codes follow the vectors z_e (B, d, h, w) that chose them, indices (B, h, w), and replace dead ones.

        Apart from `quantise`, so that a pass whose loss is not finite moves nothing.
        """
        self.book.follow(to_tokens(z_e), indices.flatten(), generator, self.ranks)

    @torch.no_grad()
    def keep_codes(self, decay: float | None) -> None:
        """Let every code keep its place from now on: averages as slow as `decay`, or as before; nothing expires.

        For codes that are stored elsewhere by their index. The model's config still says what it was built with.
        """
        self.keeps_codes, self.book.expire_below = True, 0.0
        self.book.reinstate()
        self.book.decay = self.book.decay if decay is None else decay

    @torch.no_grad()
    def retire(self, unused: torch.Tensor) -> None:
        """Let the codes of a mask (K,) begin anew with the next batch that the others follow; none that keep places."""
        if self.keeps_codes:
            return
        self.book.counts.masked_fill_(unused, RETIRED)

    def look_up(self, indices: torch.Tensor) -> torch.Tensor:
        """Codes (B, d, h, w) of indices (B, h, w); DataError where one is no code."""
        require_indices(indices, self.codes)
        return nn.functional.embedding(indices, self.book.codebook).permute(0, 3, 1, 2)

    def _start_once(self, tokens: torch.Tensor, generator: torch.Generator | None) -> None:
        self._known_started = self._known_started or bool(self.started)
        if self._known_started or self.ranks.add((~torch.isfinite(tokens)).sum()) > 0:
            return
        if generator is None:
            raise DataError("quantise: the codes have not begun, came no generator to begin with; give one, or eval()")
        self.start(tokens, generator)

    def _load_from_state_dict(self, *arguments: Any) -> None:
        super()._load_from_state_dict(*arguments)
        self._known_started = False
