"""A small causal transformer over a grid of codes (Vaswani et al. 2017), with what one pass leaves for the next.

Position i reads its four known neighbours on the grid at its input, and every code before it by attention.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from vae_core.priors.code_prior_config import CodePriorConfig, Grid


@dataclass(frozen=True, slots=True, eq=False)
class Dropout:
    """Sets a share of values to 0 and raises the others; its generator lives on their device."""

    share: float
    generator: torch.Generator

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """Thin out values of any shape, their expectation kept."""
        if not self.share:
            return values
        kept = torch.empty_like(values).bernoulli_(1 - self.share, generator=self.generator)
        return values * kept.div_(1 - self.share)


@dataclass(frozen=True, slots=True, eq=False)
class KeyValues:
    """Keys and values of one block for the positions sampled so far: (B, heads, S, width / heads) each."""

    keys: torch.Tensor
    values: torch.Tensor


class Block(nn.Module):
    """Attention, then a perceptron four times as wide, each on normalised input and added to it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.to_qkv = nn.Linear(width, 3 * width)
        self.from_heads = nn.Linear(width, width)
        self.perceptron_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor, dropout: Dropout | None) -> torch.Tensor:
        """Let every position of x (B, S, width) look at itself and those before it."""
        q, k, v = self._qkv(x)
        return self._add(x, attend_causally(q, k, v), dropout)

    def step(self, x: torch.Tensor, position: int, cache: KeyValues) -> torch.Tensor:
        """Compute one position x (B, 1, width) from the kept keys and values, and keep its own."""
        q, k, v = self._qkv(x)
        cache.keys[:, :, position] = k[:, :, 0]
        cache.values[:, :, position] = v[:, :, 0]
        known = slice(0, position + 1)
        seen = F.scaled_dot_product_attention(q, cache.keys[:, :, known], cache.values[:, :, known])
        return self._add(x, seen, None)

    def _qkv(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        batch, positions, _ = x.shape
        q, k, v = self.to_qkv(self.attention_norm(x)).view(batch, positions, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        return q, k, v

    def _add(self, x: torch.Tensor, seen: torch.Tensor, dropout: Dropout | None) -> torch.Tensor:
        thin = dropout or _keep
        x = x + thin(self.from_heads(seen.transpose(1, 2).flatten(2)))
        wide = F.gelu(self.widen(self.perceptron_norm(x)))
        return x + thin(self.narrow(wide))


def attend_causally(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Let every position of q, k, v (B, heads, S, channels) attend to itself and those before it."""
    if q.device.type == "cpu" and q.dtype == torch.bfloat16:
        return _written_out(q, k, v)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def _written_out(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Causal attention by its formula: on a CPU the fused kernel takes five times as long in bf16, gradient included.

    It needs memory for S² numbers a head and image: a grid of codes is small.
    """
    positions = q.shape[2]
    later = torch.full((positions, positions), float("-inf"), dtype=q.dtype, device=q.device).triu(1)
    shares = torch.softmax(q * q.shape[3] ** -0.5 @ k.mT + later, dim=-1)
    return shares.to(v.dtype) @ v


class CodeTransformer(nn.Module):
    """Logits of every code given those before it in raster order."""

    def __init__(self, config: CodePriorConfig) -> None:
        super().__init__()
        self._grid, self._none = config.grid, config.codebook_size
        self._heads = config.heads
        # before, above, above left, above right; one row more than codes stands for outside the grid
        self.neighbours = nn.ModuleList(nn.Embedding(config.codebook_size + 1, config.width) for _ in range(4))
        self.positions = nn.Parameter(torch.empty(config.positions, config.width))
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.to_logits = nn.Linear(config.width, config.codebook_size)

    def forward(self, codes: torch.Tensor, dropout: Dropout | None = None) -> torch.Tensor:
        """Logits (B, S, K) of codes (B, S) int64; those at position i depend on the codes before i only."""
        x = self._embed(known_neighbours(codes, self._grid, self._none), self.positions)
        for block in self.blocks:
            x = block(x, dropout)
        logits: torch.Tensor = self.to_logits(self.norm(x))
        return logits

    def empty_cache(self, batch: int) -> list[KeyValues]:
        """Make room for the keys and values of `batch` sequences."""
        positions, width = self.positions.shape
        shape = (batch, self._heads, positions, width // self._heads)
        return [KeyValues(self.positions.new_empty(shape), self.positions.new_empty(shape)) for _ in self.blocks]

    def step(self, codes: torch.Tensor, position: int, cache: list[KeyValues]) -> torch.Tensor:
        """Logits (B, K) of one position of codes (B, S), after steps for all positions before it with this cache."""
        near = neighbours_at(codes, position, self._grid, self._none)
        x = self._embed(near, self.positions[position]).unsqueeze(1)
        for block, kept in zip(self.blocks, cache, strict=True):
            assert isinstance(block, Block)
            x = block.step(x, position, kept)
        logits: torch.Tensor = self.to_logits(self.norm(x)).squeeze(1)
        return logits

    def _embed(self, near: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        x = positions
        for embedding, codes in zip(self.neighbours, near, strict=True):
            x = x + embedding(codes)
        return x


def known_neighbours(codes: torch.Tensor, grid: Grid, none: int) -> torch.Tensor:
    """Codes (4, B, S) just before, above, above left and above right of each of codes (B, S).

    `none` stands for a neighbour outside the grid. The one before is that of the raster order: at the start of a
    row it is the last one of the row above, which no other position would read in time.
    """
    height, width = grid
    before = F.pad(codes, (1, 0), value=none)[:, :-1]
    framed = F.pad(codes.view(-1, height, width), (1, 1, 1, 0), value=none)[:, :-1]
    above = [framed[:, :, shift : shift + width].flatten(1) for shift in (1, 0, 2)]
    return torch.stack([before, *above])


def neighbours_at(codes: torch.Tensor, position: int, grid: Grid, none: int) -> torch.Tensor:
    """Those of one position: (4, B) of codes (B, S)."""
    row, column = divmod(position, grid[1])
    outside = torch.full_like(codes[:, 0], none)

    def above(shift: int) -> torch.Tensor:
        inside = row > 0 and 0 <= column + shift < grid[1]
        return codes[:, position - grid[1] + shift] if inside else outside

    return torch.stack([codes[:, position - 1] if position else outside, above(0), above(-1), above(1)])


def initialise(network: CodeTransformer, generator: torch.Generator) -> None:
    """Draw first weights from N(0, 0.02²), those that a block adds smaller by sqrt(2 · depth); biases become 0.

    Radford et al. 2019 (GPT-2), section 2.3: the sum over the blocks starts as wide as one of them.
    """
    added = {layer for block in network.blocks for layer in (block.from_heads, block.narrow)}
    narrow = (2 * len(network.blocks)) ** -0.5
    nn.init.normal_(network.positions, std=0.02, generator=generator)
    for module in network.modules():
        if isinstance(module, nn.LayerNorm):
            module.reset_parameters()
        elif isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02 * (narrow if module in added else 1), generator=generator)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)


def _keep(values: torch.Tensor) -> torch.Tensor:
    return values
