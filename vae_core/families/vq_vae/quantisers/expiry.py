"""Codes that no token chooses any more begin anew where the codebook is worst."""

from __future__ import annotations

import torch

from vae_core.families.vq_vae.quantisers.codebook_start import squared_distances
from vae_core.families.vq_vae.quantisers.draw import draw_tokens
from vae_core.ranks import Ranks


def find_dead(counts: torch.Tensor, below: float) -> torch.Tensor:
    """Which codes (K,) have an average count under `below` of what an even use would give each; 0 finds none.

    A share, not a number of tokens, so that it means the same for every batch size and codebook.
    """
    return counts < below * counts.mean()


@torch.no_grad()
def draw_substitutes(
    dead: torch.Tensor,
    tokens: torch.Tensor,
    codebook: torch.Tensor,
    indices: torch.Tensor,
    generator: torch.Generator,
    ranks: Ranks,
) -> torch.Tensor | None:
    """Draw a token for each dead code (K,): (K, d), whose rows at living codes mean nothing; None when none is dead.

    Tokens (N, d) come without replacement and by chances in proportion to their squared distance from the code that
    they chose (N,). Drawn uniformly, most were the background that is coded already: 413 instead of 495 of 512 codes
    were used after 300 steps. A GPU draws even where none is dead, because asking would make it wait.
    """
    if dead.device.type == "cpu" and not bool(dead.any()):
        return None
    errors = squared_distances(tokens, codebook, indices)
    drawn = draw_tokens(tokens, errors, len(dead), generator, ranks)
    # they come best first, so the dead take the first of them
    return drawn.index_select(0, (dead.cumsum(0) - 1).clamp_(min=0))
