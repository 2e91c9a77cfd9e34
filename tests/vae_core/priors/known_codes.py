"""Codes whose distribution is known, so that what a prior learns of it can be held against the truth."""

import numpy as np

SHARES = np.array([0.7, 0.2, 0.1])
"""Of a step: how far a code lies from the sum of those to its left and above, modulo 3."""


def mesh_codes(n: int, grid: tuple[int, int], seed: int) -> np.ndarray:
    """Codes (n, h, w) of K = 3: each is left + above + a step, modulo 3; outside the grid stands 0."""
    height, width = grid
    steps = np.random.default_rng(seed).choice(3, size=(n, height, width), p=SHARES)
    codes = np.zeros((n, height + 1, width + 1), dtype=np.int64)
    for row in range(1, height + 1):
        for column in range(1, width + 1):
            codes[:, row, column] = (
                codes[:, row, column - 1] + codes[:, row - 1, column] + steps[:, row - 1, column - 1]
            ) % 3
    return codes[:, 1:, 1:]


def mesh_log_prob(codes: np.ndarray) -> np.ndarray:
    """The true log p (n,) in nats of codes (n, h, w)."""
    framed = np.pad(codes, ((0, 0), (1, 0), (1, 0)))
    steps = (framed[:, 1:, 1:] - framed[:, 1:, :-1] - framed[:, :-1, 1:]) % 3
    return np.log(SHARES)[steps].sum((1, 2))


def mesh_entropy(grid: tuple[int, int]) -> float:
    """The true entropy in nats per image: every code has that of its step."""
    return float(-(SHARES * np.log(SHARES)).sum() * grid[0] * grid[1])


def chain_codes(n: int, grid: tuple[int, int], transitions: np.ndarray, seed: int) -> np.ndarray:
    """A Markov chain along the raster order, begun at state 0: (n, h, w) of K = len(transitions)."""
    generator = np.random.default_rng(seed)
    states = np.zeros((n, grid[0] * grid[1] + 1), dtype=np.int64)
    for position in range(1, states.shape[1]):
        cumulative = transitions[states[:, position - 1]].cumsum(1)
        states[:, position] = (generator.random((n, 1)) > cumulative).sum(1)
    return states[:, 1:].reshape(n, *grid)


def chain_log_prob(codes: np.ndarray, transitions: np.ndarray) -> np.ndarray:
    """The true log p (n,) in nats of codes (n, h, w)."""
    states = np.pad(codes.reshape(len(codes), -1), ((0, 0), (1, 0)))
    return np.log(transitions[states[:, :-1], states[:, 1:]]).sum(1)
