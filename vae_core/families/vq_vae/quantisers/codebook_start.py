"""The first codes: centres of the first tokens by k-means, so that none begins far from every token.

Drawn at random instead, most codes never win a token: 11 of 512 used after 300 steps with uniform codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vae_core.errors import DataError
from vae_core.families.vq_vae.quantisers.draw import draw_tokens
from vae_core.families.vq_vae.quantisers.nearest import nearest_codes
from vae_core.families.vq_vae.quantisers.sums import sum_by_code
from vae_core.ranks import ALONE, Ranks

SEEDING_ROUNDS, LLOYD_ROUNDS = 16, 10


@dataclass(frozen=True, slots=True, eq=False)
class KMeans:
    """Centres (K, d), the tokens of each (K,), and the mean squared distance after each round; lower is better."""

    centres: torch.Tensor
    counts: torch.Tensor
    inertia: torch.Tensor


@torch.no_grad()
def fit_kmeans(
    tokens: torch.Tensor, codes: int, generator: torch.Generator, *, rounds: int = LLOYD_ROUNDS, ranks: Ranks = ALONE
) -> KMeans:
    """Fit K centres to tokens (N, d) float32 on their device by Lloyd's rounds; the generator lives there too.

    A centre that no token chose stays where it is, so the inertia never rises. DataError when there are fewer tokens
    than codes, or they are not finite.
    """
    require_tokens("k-means", tokens, codes, ranks)
    centres = _seed_centres(tokens, codes, generator, ranks)
    counts, inertia = tokens.new_zeros(codes), []
    for _ in range(rounds):
        indices = nearest_codes(tokens, centres)
        inertia.append(ranks.gather(squared_distances(tokens, centres, indices)).mean())
        counts, sums = sum_by_code(tokens, indices, codes, ranks)
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)
    return KMeans(centres, counts, torch.stack(inertia))


def squared_distances(tokens: torch.Tensor, codebook: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """|z - e|² (N,) between tokens (N, d) and the codes that they chose, without the cancellation of the search."""
    return (tokens - codebook.index_select(0, indices)).square().sum(1)


def require_tokens(where: str, tokens: torch.Tensor, codes: int, ranks: Ranks) -> None:
    """DataError unless tokens (N, d) are finite and, over all processes, at least one for each code."""
    if len(tokens) * ranks.size < codes:
        raise DataError(
            f"{where}: expected at least {codes} tokens for {codes} codes, came {len(tokens) * ranks.size}; "
            "use a larger batch or a smaller codebook"
        )
    if not bool(torch.isfinite(tokens).all()):
        raise DataError(f"{where}: {int((~torch.isfinite(tokens)).sum())} values of the tokens are NaN or infinite")


def _seed_centres(tokens: torch.Tensor, codes: int, generator: torch.Generator, ranks: Ranks) -> torch.Tensor:
    """Draw K tokens, a part of them a round, with chances by the squared distance to those already drawn.

    k-means++ draws them one by one; rounds of many come close to it (Bahmani et al. 2012, k-means||) and keep a GPU
    busy.
    """
    distances, drawn = torch.full_like(tokens[:, 0], torch.inf), []
    for part in _parts(codes, SEEDING_ROUNDS):
        weights = distances.nan_to_num(posinf=1.0)  # the first are drawn evenly
        centres = draw_tokens(tokens, weights, part, generator, ranks)
        to_new = squared_distances(tokens, centres, nearest_codes(tokens, centres))
        distances = torch.minimum(distances, to_new)
        drawn.append(centres)
    return torch.cat(drawn)


def _parts(total: int, rounds: int) -> list[int]:
    shares = [total * step // rounds for step in range(rounds + 1)]
    return [after - before for before, after in zip(shares, shares[1:], strict=False) if after > before]
