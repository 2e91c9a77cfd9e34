"""Vector quantisation: every token becomes its nearest code (van den Oord et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn

from vae_core.errors import DataError
from vae_core.quantize.codebook import EmaCodebook, GradientCodebook
from vae_core.quantize.codebook_start import fit_kmeans
from vae_core.quantize.gradient import Rotation, StraightThrough
from vae_core.quantize.nearest import nearest_codes
from vae_core.quantize.quantised import (
    Quantised,
    require_depth,
    require_finite,
    require_indices,
    to_grid,
    to_tokens,
)
from vae_core.quantize.ranks import ALONE

GRADIENTS: Mapping[str, type[StraightThrough] | type[Rotation]] = {
    "straight_through": StraightThrough,
    "rotation": Rotation,
}


class VectorQuantiser(nn.Module):
    """A codebook and the gradient through it; k-means on the first tokens starts it.

    In train mode, unless `frozen`, every batch moves the codebook; `ranks` says with whom it is shared.
    """

    started: torch.Tensor

    def __init__(self, book: EmaCodebook | GradientCodebook, gradient: Literal["straight_through", "rotation"]) -> None:
        super().__init__()
        self.book, self.ranks, self.frozen = book, ALONE, False
        self._gradient = GRADIENTS[gradient]
        self._known_started = False  # so that a GPU is asked once
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    @property
    def codes(self) -> int:
        """K, the size of the codebook."""
        return len(self.book.codebook)

    @property
    def moves(self) -> bool:
        """Whether a batch moves the codebook."""
        return self.training and not self.frozen

    @torch.no_grad()
    def begin(self) -> None:
        """Forget everything: the next batch in train mode starts the codebook."""
        for tensor in self.state_dict().values():
            tensor.zero_()
        self._known_started = False

    def start(self, tokens: torch.Tensor, generator: torch.Generator) -> None:
        """Take the k-means centres of tokens (N, d) as codes; DataError for too few, NaN or infinity."""
        self.book.fill(fit_kmeans(tokens.detach(), self.codes, generator, ranks=self.ranks))
        self.started.fill_(True)
        self._known_started = True

    def quantise(self, z_e: torch.Tensor, generator: torch.Generator | None) -> Quantised:
        """Replace every vector of z_e (B, d, h, w) by its nearest code.

        All of it in float32 outside autocast. DataError for a grid of another depth, for values that are not finite
        (on a GPU they make the commitment NaN instead, and move nothing), or when codes may move without a generator.
        """
        require_depth(z_e, self.book.codebook.shape[1])
        with torch.autocast(z_e.device.type, enabled=False):
            tokens = to_tokens(z_e)
            if self.moves:
                generator = _required(generator)
                self._start_once(tokens, generator)
            indices = nearest_codes(tokens.detach(), self.book.codebook)
            codes, commitment = self._gradient.apply(tokens, self.book.codebook.detach(), indices)  # type: ignore[no-untyped-call]
            require_finite(commitment)
            codebook_loss = tokens.new_zeros(()) if self.frozen else self.book.pull(tokens, indices)
            if self.moves:
                self.book.follow(tokens.detach(), indices, _required(generator), self.ranks)
        return Quantised(to_grid(codes, z_e), indices.view(len(z_e), *z_e.shape[2:]), commitment, codebook_loss)

    def look_up(self, indices: torch.Tensor) -> torch.Tensor:
        """Codes (B, d, h, w) of indices (B, h, w); DataError where one is no code."""
        require_indices(indices, self.codes)
        return nn.functional.embedding(indices, self.book.codebook).permute(0, 3, 1, 2)

    def _start_once(self, tokens: torch.Tensor, generator: torch.Generator) -> None:
        self._known_started = self._known_started or bool(self.started)
        if not self._known_started:
            self.start(tokens, generator)

    def _load_from_state_dict(self, *arguments: Any) -> None:
        super()._load_from_state_dict(*arguments)
        self._known_started = False


def _required(generator: torch.Generator | None) -> torch.Generator:
    if generator is None:
        raise DataError("quantise: in train mode the codes may move, came no generator; give one, or call eval()")
    return generator
