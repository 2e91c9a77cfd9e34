"""What the tokens say of each code: how many chose it, and their sum."""

import torch

from vae_core.ranks import Ranks


def sum_by_code(
    tokens: torch.Tensor, indices: torch.Tensor, codes: int, ranks: Ranks
) -> tuple[torch.Tensor, torch.Tensor]:
    """Counts (K,) and sums (K, d), float32, of tokens (N, d) by the code (N,) that each chose, over all processes.

    By index_add: a one-hot matrix would be N x K and its product as dear as the distances.
    """
    # bincount would make a GPU wait for the largest index
    counts = tokens.new_zeros(codes).index_add_(0, indices, tokens.new_ones(len(tokens)))
    sums = tokens.new_zeros(codes, tokens.shape[1]).index_add_(0, indices, tokens)
    if ranks.size == 1:
        return counts, sums
    both = ranks.add(torch.cat([counts[:, None], sums], 1))
    return both[:, 0].contiguous(), both[:, 1:].contiguous()
