"""pythae's VAE, VQ-VAE and trainer on the layers of ours, as its documentation tells to use them."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.peers.load import load_peer
from vae_core.config import ConvVaeConfig, ModelConfig
from vae_core.models.build import build_model
from vae_core.vq_config import VqVaeConfig


def time_pythae(images: np.ndarray, config: ModelConfig, batch: int, *, warmup_steps: int, steps: int) -> float:
    """CPU seconds of `steps` steps of its first epoch, after the warm-up; PeerMissing where it is not installed.

    Its loaders are the default ones, its images float32 on [0, 1]; nothing is evaluated. Its VAE has the Bernoulli
    loss, its VQ-VAE the squared error and an EMA codebook.
    """
    models = load_peer("pythae.models")
    trainers, data = load_peer("pythae.trainers"), load_peer("pythae.data.datasets")
    callbacks = load_peer("pythae.trainers.training_callbacks")
    stamps: list[float] = []

    class Stamps(callbacks.TrainingCallback):  # type: ignore[name-defined, misc]
        def on_train_step_end(self, *_: Any, **__: Any) -> None:
            stamps.append(time.process_time())

    count = (warmup_steps + steps) * batch
    x = torch.from_numpy(images[:count].astype(np.float32) / 255)
    with silence(), tempfile.TemporaryDirectory() as folder:
        trainer = trainers.BaseTrainer(
            model=_make_vq_vae(models, config) if isinstance(config, VqVaeConfig) else make_pythae_vae(models, config),
            train_dataset=data.BaseDataset(x, torch.zeros(len(x))),
            training_config=trainers.BaseTrainerConfig(
                output_dir=folder,
                num_epochs=1,
                per_device_train_batch_size=batch,
                learning_rate=1e-3,
                no_cuda=True,
            ),
            callbacks=[Stamps()],
        )
        trainer.train()
    return stamps[warmup_steps + steps - 1] - stamps[warmup_steps - 1]


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
