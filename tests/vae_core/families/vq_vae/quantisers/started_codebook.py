"""A codebook whose codes have begun, and how it follows tokens."""

import torch

from vae_core.families.vq_vae.quantisers.codebook import EmaCodebook
from vae_core.families.vq_vae.quantisers.codebook_start import KMeans
from vae_core.families.vq_vae.quantisers.nearest import nearest_codes
from vae_core.ranks import ALONE, Ranks

CODES, DIM, DECAY = 12, 5, 0.9


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def started(kind=EmaCodebook, *, expire_below: float = 0.0):
    book = kind(CODES, DIM, decay=DECAY, expire_below=expire_below)
    centres = torch.randn(CODES, DIM, generator=generator(1))
    book.fill(KMeans(centres, torch.arange(1.0, CODES + 1), torch.zeros(1)))
    return book


def follow(book, tokens: torch.Tensor, ranks: Ranks = ALONE, seed: int = 0) -> None:
    book.follow(tokens, nearest_codes(tokens, book.codebook.detach()), generator(seed), ranks)
