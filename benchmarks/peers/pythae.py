"""pythae's VAE, VQ-VAE and trainer on the layers of ours, as its documentation tells to use them."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.peers.load import load_peer
from vae_core.families.build import build_model
from vae_core.families.configs import ModelConfig
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.conv_vae.protocol import Posterior
from vae_core.families.registry import family_of
from vae_core.families.vq_vae.config import VqVaeConfig

LEARNING_RATE = 1e-3

FOREVER = 1_000_000
"""Epochs of a training that a clock ends."""


@dataclass(frozen=True, slots=True, eq=False)
class PythaeVae:
    """Its VAE as what our measures of a likelihood ask for: a posterior, and logits before its last sigmoid."""

    model: Any

    def encode(self, x: torch.Tensor) -> Posterior:
        """Infer the posterior of images x (B, C, H, W) on [0, 1]."""
        output = self.model.encoder(x)
        return Posterior(output.embedding, output.log_covariance)

    def decode_logits(self, z: torch.Tensor) -> torch.Tensor:
        """Decode codes z (B, D) to the logits of the mean image (B, C, H, W)."""
        logits: torch.Tensor = self.model.decoder.layers[:-1](z)
        return logits


def time_pythae(
    images: np.ndarray,
    config: ModelConfig,
    batch: int,
    *,
    warmup_steps: int,
    steps: int,
    device: str = "cpu",
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Seconds of `steps` steps of its first epoch, after the warm-up; PeerMissing where it is not installed.

    Its loaders are the default ones, its images float32 on [0, 1] in the processor's memory; nothing is evaluated. Its
    VAE has the Bernoulli loss, its VQ-VAE the squared error and an EMA codebook. By default, CPU seconds on the CPU.
    """
    models = load_peer("pythae.models")
    stamps: list[float] = []
    model = _make_peer(models, config)
    count = (warmup_steps + steps) * batch
    _train(images[:count], model, batch, epochs=1, device=device, on_step=lambda: stamps.append(clock()))
    return stamps[warmup_steps + steps - 1] - stamps[warmup_steps - 1]


def train_pythae_vae(
    images: np.ndarray, config: ConvVaeConfig, batch: int, *, seconds: float, clock: Callable[[], float], device: str
) -> tuple[PythaeVae, int]:
    """Its VAE after so many seconds of training from the first step on, and its steps; PeerMissing."""
    model = make_pythae_vae(load_peer("pythae.models"), config)
    begun, steps = 0.0, 0

    def begin() -> None:
        nonlocal begun
        begun = clock()

    def count() -> None:
        nonlocal steps
        steps += 1
        if clock() - begun >= seconds:
            raise _TimeIsUp

    with contextlib.suppress(_TimeIsUp):
        _train(images, model, batch, epochs=FOREVER, device=device, on_begin=begin, on_step=count)
    return PythaeVae(model.eval()), steps


class _TimeIsUp(Exception):
    """Ends its training, which has no other way to be ended."""


def _train(
    images: np.ndarray,
    model: Any,
    batch: int,
    *,
    epochs: int,
    device: str,
    on_step: Callable[[], None],
    on_begin: Callable[[], None] = lambda: None,
) -> None:
    """Train as its documentation tells to; both are called by its own callbacks."""
    trainers, data = load_peer("pythae.trainers"), load_peer("pythae.data.datasets")
    callbacks = load_peer("pythae.trainers.training_callbacks")

    class Watch(callbacks.TrainingCallback):  # type: ignore[name-defined, misc]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            on_begin()

        def on_train_step_end(self, *_: Any, **__: Any) -> None:
            on_step()

    x = torch.from_numpy(images.astype(np.float32) / 255)
    with silence(), tempfile.TemporaryDirectory() as folder:
        trainer = trainers.BaseTrainer(
            model=model,
            train_dataset=data.BaseDataset(x, torch.zeros(len(x))),
            training_config=trainers.BaseTrainerConfig(
                output_dir=folder,
                num_epochs=epochs,
                per_device_train_batch_size=batch,
                learning_rate=LEARNING_RATE,
                no_cuda=torch.device(device).type == "cpu",
            ),
            callbacks=[Watch()],
        )
        trainer.train()


def _make_peer(models: Any, config: ModelConfig) -> Any:
    """Its model of what ours of this config has: codes, or a posterior."""
    ours, family = build_model(config), family_of(config)
    if (coded := family.with_codes(ours)) is not None:
        return _make_vq_vae(models, coded.config)
    posterior = family.with_posterior(ours)
    assert posterior is not None, "pythae has a VQ-VAE and a VAE to compare with"
    return make_pythae_vae(models, posterior.config)


def make_pythae_vae(models: Any, config: ConvVaeConfig) -> Any:
    """Its VAE with modules of our layers, in PyTorch's own memory layout, which its users would have."""
    networks, outputs = load_peer("pythae.models.nn"), load_peer("pythae.models.base.base_utils")
    layers = build_model(config).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]

    class Encoder(networks.BaseEncoder):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(layers.encoder, nn.Flatten(), layers.to_posterior)

        def forward(self, x: torch.Tensor) -> Any:
            mu, logvar = self.layers(x).chunk(2, dim=1)
            return outputs.ModelOutput(embedding=mu, log_covariance=logvar)

    class Decoder(networks.BaseDecoder):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            factor = 2 ** len(config.widths)
            side = nn.Unflatten(1, (config.widths[-1], config.height // factor, config.width // factor))
            self.layers = nn.Sequential(layers.from_code, side, layers.decoder, nn.Sigmoid())

        def forward(self, z: torch.Tensor) -> Any:
            return outputs.ModelOutput(reconstruction=self.layers(z))

    settings = models.VAEConfig(input_dim=config.shape, latent_dim=config.latent_dim, reconstruction_loss="bce")
    return models.VAE(settings, encoder=Encoder(), decoder=Decoder())


def _make_vq_vae(models: Any, config: VqVaeConfig) -> Any:
    """Its VQ-VAE with modules of our layers, codebook size, decay and commitment."""
    networks, outputs = load_peer("pythae.models.nn"), load_peer("pythae.models.base.base_utils")
    layers = build_model(config).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]

    class Encoder(networks.BaseEncoder):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(layers.encoder, layers.to_codes)

        def forward(self, x: torch.Tensor) -> Any:
            return outputs.ModelOutput(embedding=self.layers(x))

    class Decoder(networks.BaseDecoder):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(layers.from_codes, layers.decoder)

        def forward(self, z: torch.Tensor) -> Any:
            return outputs.ModelOutput(reconstruction=self.layers(z))

    settings = models.VQVAEConfig(
        input_dim=config.shape,
        num_embeddings=config.codes,
        use_ema=True,
        decay=config.decay,
        commitment_loss_factor=config.commitment,
    )
    return models.VQVAE(settings, encoder=Encoder(), decoder=Decoder())


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep its progress bars, prints and log lines off the terminal."""
    nothing = io.StringIO()
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
            yield
    finally:
        logging.disable(before)
