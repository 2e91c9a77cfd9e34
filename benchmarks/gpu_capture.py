"""The bare loop with its whole step in one CUDA graph: the least that a processor can ask of a GPU.

A step of small images is some hundred kernels of a few microseconds each, so that an eager loop is bound by launching
them. A graph launches all of them at once: gather, forward pass, loss, backward pass, Adam and the codebook's averages.
Its only input is the rows of the batch. A VQ-VAE's first codes come from a k-means that waits for the device: it falls
into the warm-up. Codes expire in the graph, because on a GPU our codebook draws substitutes whether one is dead or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch

from benchmarks.bare_loop import make_bare_step
from vae_core.families.configs import ModelConfig
from vae_core.training.data.batches import to_input
from vae_core.training.objectives.precision import Precision

FEWEST_WARMUP_STEPS = 3
"""Before a capture: the libraries make their handles and workspaces, Adam its moments, a VQ-VAE its codes."""


@cache
def _capture_stream() -> torch.cuda.Stream:
    """One for all captures: the libraries keep a workspace a stream, which would count as memory of each loop."""
    return torch.cuda.Stream()  # type: ignore[no-untyped-call]


class BareLoop:
    """A model, its optimiser and images uint8 (N, C, H, W) on the device; `loss` () is that of the newest step."""

    def __init__(
        self, images: np.ndarray, config: ModelConfig, precision: Precision, *, batch: int, device: str, seed: int = 0
    ) -> None:
        self._pixels = torch.from_numpy(images.copy()).to(device)
        self._rows = torch.zeros(batch, dtype=torch.int64, device=device)
        self._generator = torch.Generator(device).manual_seed(seed)
        self._step = make_bare_step(config, precision, device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self.loss = torch.zeros((), device=device)

    def take(self, rows: torch.Tensor) -> None:
        """Make one step on the images of rows (batch,) int64, which are on the device; nobody waits for it."""
        self._rows.copy_(rows)
        if self._graph is None:
            self._compute()
        else:
            self._graph.replay()

    def capture(self, warmup: Sequence[torch.Tensor]) -> None:
        """Make the steps of `warmup` as they come, then record one, which every later `take` replays.

        Both on one stream that is not the default one: gradients accumulate on the stream on which they first did, and
        the default one cannot be recorded.
        """
        assert len(warmup) >= FEWEST_WARMUP_STEPS, "what is made once must be made before it is recorded"
        side = _capture_stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for rows in warmup:
                self.take(rows)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # torch 2.13 must be told of every generator but the default one, so that a replay draws new numbers
        graph.register_generator_state(self._generator)
        with torch.cuda.graph(graph, stream=side):
            self._compute()
        self._graph = graph

    def _compute(self) -> None:
        x = to_input(self._pixels.index_select(0, self._rows))
        self.loss.copy_(self._step(x, self._generator))
