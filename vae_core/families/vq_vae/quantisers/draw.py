"""Tokens drawn for codes: those that the codebook renders worst come first."""

import torch

from vae_core.ranks import Ranks


def draw_tokens(
    tokens: torch.Tensor, weights: torch.Tensor, count: int, generator: torch.Generator, ranks: Ranks
) -> torch.Tensor:
    """Draw tokens (count, d) without replacement, with chances in proportion to the weights (n,) ≥ 0.

    The `count` largest of weight / Exp(1) are such a draw (Efraimidis & Spirakis 2006). Weights of 0 come last, and in
    the order that the device's sort gives them. Where there are fewer tokens than `count`, they come again.
    """
    everyone = ranks.gather(weights)
    noise = torch.empty_like(everyone).exponential_(generator=generator)
    chosen = (everyone / noise).topk(min(count, len(everyone))).indices
    rows = ranks.take(tokens, chosen)
    return rows if len(rows) == count else rows.repeat(-(-count // len(rows)), 1)[:count]
