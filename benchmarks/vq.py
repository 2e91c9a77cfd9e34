"""Our VQ-VAE's codebook against vector-quantize-pytorch's, in the same network, interleaved, on one thread.

    python -m benchmarks.vq --data FOLDER [--quick] [--json FILE]

Every row trains the same network (convolutions 32 and 64 of stride 2, 7 x 7 codes, K = 512, d = 64) with the same Adam
1e-3, batches of 128, first weights and images; only what stands between encoder and decoder differs. The peer is its
row with EMA .99, k-means and expiry, else as it comes (rotation trick, commitment 1); beside it the same row with the
straight-through gradient and commitment .25, as ours has them, and its defaults. Codes, perplexity and error are those
of the whole test set after 300 steps; CPU seconds are those of the steps, k-means included. Rows take turns every
30 steps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.command import find_images, make_parser, measure_and_publish
from benchmarks.form import Result
from benchmarks.peers.load import load_peer
from benchmarks.stopwatch import one_thread
from vae_core.families.build import build_model
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.model import VqVae, vq_loss
from vae_core.families.vq_vae.quantisers.quantised import Quantised
from vae_core.families.vq_vae.quantisers.usage import CodeUsage
from vae_core.training.data.batches import to_input

STEPS, TURN, BATCH, LEARNING_RATE = 300, 30, 128, 1e-3
CONFIG = VqVaeConfig()
EMA_ROW: dict[str, Any] = {"decay": 0.99, "kmeans_init": True, "threshold_ema_dead_code": 2}
PEERS: dict[str, dict[str, Any]] = {
    "peer": EMA_ROW,
    "peer_straight_through": {**EMA_ROW, "rotation_trick": False, "commitment_weight": 0.25},
    "peer_defaults": {},
}


@dataclass(frozen=True, slots=True)
class Score:
    """What a row reached: codes used and perplexity over the test set, test MSE, images a CPU-second."""

    codes_used: int
    perplexity: float
    mse: float
    images_per_cpu_s: float


@dataclass(slots=True)
class Contestant:
    """A model in training, and the CPU seconds of its steps."""

    model: VqVae
    commitment: float
    generator: torch.Generator
    optimiser: torch.optim.Adam = field(init=False)
    cpu_s: float = 0.0

    def __post_init__(self) -> None:
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=LEARNING_RATE, fused=True)

    def train(self, batches: torch.Tensor) -> None:
        """Make a step on each of batches uint8 (S, B, C, H, W)."""
        begun = time.process_time()
        for pixels in batches:
            x = to_input(pixels)
            output = self.model(x, self.generator)
            self.optimiser.zero_grad(set_to_none=True)
            vq_loss(output, x, self.commitment).backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            self.model.follow(output, self.generator)
        self.cpu_s += time.process_time() - begun

    @torch.inference_mode()
    def score(self, test: torch.Tensor, trained_on: int) -> Score:
        """Reconstruct the test images uint8 (N, C, H, W)."""
        self.model.eval()
        usage, errors = CodeUsage(self.model.config.codes), []
        for pixels in torch.split(test, 500):
            x = to_input(pixels)
            quantised = self.model.quantise(self.model.encode(x))
            usage.add(quantised.indices)
            errors.append((self.model.decode(quantised.z_q) - x).square().mean((1, 2, 3)))
        return Score(usage.used, usage.perplexity, float(torch.cat(errors).mean()), trained_on / self.cpu_s)


class PeerQuantiser(nn.Module):
    """The peer behind our interface; its loss comes weighted, and it draws from the global generator."""

    def __init__(self, config: VqVaeConfig, settings: dict[str, Any]) -> None:
        super().__init__()
        peer = load_peer("vector_quantize_pytorch")
        self.codes = config.codes
        self.peer = peer.VectorQuantize(
            dim=config.depth, codebook_size=config.codes, accept_image_fmap=True, **settings
        )

    def quantise(self, z_e: torch.Tensor, generator: torch.Generator | None) -> Quantised:
        """Ask the peer."""
        del generator
        z_q, indices, loss = self.peer(z_e)
        return Quantised(z_q, indices, loss.sum(), loss.new_zeros(()))

    def follow(self, z_e: torch.Tensor, indices: torch.Tensor, generator: torch.Generator) -> None:
        """Do nothing: the peer's codes moved when it was asked."""


Codebook = Callable[[VqVaeConfig, dict[str, Any]], nn.Module]
"""Makes a peer of a network and of a row's settings."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What every row trains with: its steps, the images of each, the network; and whose codebook is beside ours."""

    steps: int = STEPS
    batch: int = BATCH
    config: VqVaeConfig = CONFIG
    peer: Codebook = PeerQuantiser


def run(train: np.ndarray, test: np.ndarray, *, seeds: int, terms: Terms | None = None) -> list[Result]:
    """Train every row on images uint8 (N, 1, H, W) from each seed, and compare them on the test images."""
    scores: dict[str, list[Score]] = {}
    with one_thread(), torch.random.fork_rng(devices=[]):
        for seed in range(seeds):
            for name, score in _train_rows(train, test, seed, terms or Terms()).items():
                scores.setdefault(name, []).append(score)
    return _compare(scores, len(test))


def _train_rows(train: np.ndarray, test: np.ndarray, seed: int, terms: Terms) -> dict[str, Score]:
    torch.manual_seed(seed)  # the peer's
    rows = {"ours": _begin(terms, seed, None), **{name: _begin(terms, seed, each) for name, each in PEERS.items()}}
    order = np.random.default_rng(seed).permutation(len(train))[: terms.steps * terms.batch]
    batches = torch.from_numpy(train[order]).view(terms.steps, terms.batch, *train.shape[1:])
    for turn in torch.split(batches, TURN):
        for row in rows.values():
            row.train(turn)
    images = torch.from_numpy(test.copy())
    return {name: row.score(images, len(order)) for name, row in rows.items()}


def _begin(terms: Terms, seed: int, peer: dict[str, Any] | None) -> Contestant:
    model = build_model(terms.config, seed).train()
    if peer is not None:
        model.quantiser = terms.peer(terms.config, peer).train()  # type: ignore[assignment]
    return Contestant(model, terms.config.commitment if peer is None else 1.0, torch.Generator().manual_seed(seed))


def _compare(scores: dict[str, list[Score]], n: int) -> list[Result]:
    """Our figures with their bars, their ratios to each peer's, and the peers' figures; medians over the seeds."""
    ours = scores["ours"]

    def ratios(name: str, of: Callable[[Score], float]) -> list[float]:
        return [of(our) / of(their) for our, their in zip(ours, scores[name], strict=True)]

    results = [
        Result.of("vq_codes_used", [float(s.codes_used) for s in ours], "codes", limit=450, direction="higher", n=n),
        Result.of("vq_perplexity", [s.perplexity for s in ours], "codes", direction="higher", n=n),
        Result.of("vq_mse", [s.mse for s in ours], "MSE", n=n),
        Result.of("vq_images_per_cpu_s", [s.images_per_cpu_s for s in ours], "images/CPU s", direction="higher"),
    ]
    for name in PEERS:
        limits = (1.0, 2.0) if name == "peer" else (None, None)
        mse, speed = ratios(name, lambda s: s.mse), ratios(name, lambda s: s.images_per_cpu_s)
        results += [
            Result.of(f"vq_mse_vs_{name}", mse, "times", limit=limits[0]),
            Result.of(f"vq_speed_vs_{name}", speed, "times", limit=limits[1], direction="higher"),
        ]
    for name in PEERS:
        theirs = scores[name]
        results += [
            Result.of(f"{name}_codes_used", [float(s.codes_used) for s in theirs], "codes", direction="higher", n=n),
            Result.of(f"{name}_perplexity", [s.perplexity for s in theirs], "codes", direction="higher", n=n),
            Result.of(f"{name}_mse", [s.mse for s in theirs], "MSE", n=n),
            Result.of(
                f"{name}_images_per_cpu_s", [s.images_per_cpu_s for s in theirs], "images/CPU s", direction="higher"
            ),
        ]
    return results


def main(argv: Sequence[str] | None = None, measure: Callable[..., list[Result]] = run) -> int:
    """Parse, run, print; 1 when a bar is missed, 2 when the images or the peer are missing."""
    arguments = make_parser("vq", __doc__, quick="one seed instead of three").parse_args(argv)

    def measure_images() -> list[Result]:
        train, test = find_images(arguments.data)
        return measure(train, test, seeds=1 if arguments.quick else 3)

    return measure_and_publish("vq", measure_images, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
