"""Everything that a training carries from step to step: what a checkpoint must hold to go on bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from vae_core.config import ModelConfig, TrainConfig
from vae_core.models.build import build_model
from vae_core.models.conv_vae import ConvVae
from vae_core.training.early_stopping import BestWeights
from vae_core.training.events import TrainEvent
from vae_core.training.monitor import KlMonitor
from vae_core.training.precision import Precision, resolve_precision
from vae_core.training.progress import IntervalSums, TrainProgress, curve_from_tensor, curve_to_tensor
from vae_core.training.warm_start import freeze_encoder, take_weights
from vae_core.weights import copy_weights, load_weights

_WEIGHT, _MOMENT = "weight.", "optimiser."


@dataclass(slots=True)
class TrainingState:
    """A training between two steps; `step` is the number of steps done."""

    model: ConvVae
    optimiser: torch.optim.Adam
    generator: torch.Generator
    precision: Precision
    interval: IntervalSums
    monitor: KlMonitor = field(default_factory=KlMonitor)
    step: int = 0
    curve: list[TrainProgress] = field(default_factory=list)
    events: list[TrainEvent] = field(default_factory=list)
    best: BestWeights = field(default_factory=BestWeights)

    @classmethod
    def begin(
        cls, model_config: ModelConfig, train_config: TrainConfig, device: str, initial: ConvVae | None = None
    ) -> TrainingState:
        """Begin a training of which nothing is done; noise and, without an initial model, weights follow the seed."""
        # streams of their own: the noise must not repeat the numbers that the weights were drawn from
        seeds = np.random.SeedSequence(train_config.seed).generate_state(2, np.uint64)
        model = build_model(model_config, seed=int(seeds[0])).to(device).train()
        if initial is not None:
            take_weights(model, initial)
        if train_config.trains == "decoder":
            freeze_encoder(model)
        moving = [parameter for parameter in model.parameters() if parameter.requires_grad]
        return cls(
            model=model,
            optimiser=torch.optim.Adam(moving, lr=train_config.learning_rate, fused=True),
            generator=torch.Generator(device).manual_seed(int(seeds[1])),
            precision=resolve_precision(train_config.precision, device),
            interval=IntervalSums(model.latent_dim),
        )

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Weights, optimiser, noise generator, interval, curve and best weights as contiguous CPU tensors."""
        tensors = {f"{_WEIGHT}{name}": tensor for name, tensor in copy_weights(self.model).items()}
        for name, parameter in self._moving():
            for moment, value in self.optimiser.state[parameter].items():
                tensors[f"{_MOMENT}{name}.{moment}"] = value.detach().cpu().contiguous()
        tensors["generator"] = self.generator.get_state()
        tensors["interval"] = self.interval.values
        tensors["curve"] = curve_to_tensor(self.curve)
        return tensors | self.best.to_tensors()

    def restore_tensors(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over what `to_tensors` gave; ValueError when it is of another model."""
        load_weights(
            self.model,
            {name.removeprefix(_WEIGHT): value for name, value in tensors.items() if name.startswith(_WEIGHT)},
        )
        for name, parameter in self._moving():
            prefix = f"{_MOMENT}{name}."
            self.optimiser.state[parameter] = {
                key.removeprefix(prefix): _place(value, parameter)
                for key, value in tensors.items()
                if key.startswith(prefix)
            }
        self.generator.set_state(tensors["generator"])
        self.interval.values.copy_(tensors["interval"])
        self.curve = curve_from_tensor(tensors["curve"])
        self.best.restore_tensors(tensors, self.model)

    def _moving(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """The parameters that the optimiser has, with their names."""
        return (pair for pair in self.model.named_parameters() if pair[1].requires_grad)


def _place(value: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """Lay a moment out like its parameter, as the fused Adam reads it; safetensors keeps no layout."""
    if value.ndim == 0:
        return value.to(parameter.device)
    return torch.empty_like(parameter, dtype=value.dtype, memory_format=torch.preserve_format).copy_(value)
