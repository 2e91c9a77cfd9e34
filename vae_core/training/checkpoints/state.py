"""Everything that a training carries from step to step: what a checkpoint must hold to go on bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from vae_core.config import TrainConfig
from vae_core.families.build import build_model
from vae_core.families.configs import TrainableConfig
from vae_core.families.registry import family_of
from vae_core.families.variants import ImageModel
from vae_core.ranks import ALONE, Ranks
from vae_core.training.average import WeightAverage
from vae_core.training.checkpoints.checkpoint import CheckpointHeader
from vae_core.training.checkpoints.identity import TrainingIdentity
from vae_core.training.checkpoints.snapshots import Snapshot, snapshots_from_tensors, snapshots_to_tensors
from vae_core.training.health.early_stopping import BestWeights
from vae_core.training.health.events import TrainEvent
from vae_core.training.health.information import InformationPoint, information_from_tensors, information_to_tensors
from vae_core.training.health.monitor import CollapseMonitor
from vae_core.training.health.progress import IntervalSums, TrainProgress, curve_from_tensor, curve_to_tensor
from vae_core.training.objectives.objective import Objective
from vae_core.training.objectives.precision import Precision, resolve_precision
from vae_core.training.optimiser import make_optimiser
from vae_core.training.warm_start import take_weights
from vae_core.weights import copy_weights, load_weights

_WEIGHT, _MOMENT, _MEAN, _COUNTED = "weight.", "optimiser.", "average.", "counted."

ModelBuilder = Callable[[TrainableConfig, int], ImageModel]
"""From a config and a seed to a model on the CPU with first weights."""


def build_variant(config: TrainableConfig, seed: int) -> ImageModel:
    """Build a model of this release's variants."""
    return build_model(config, seed)


@dataclass(slots=True)
class TrainingState:
    """A training between two steps; `step` is the number of steps done."""

    objective: Objective
    optimiser: torch.optim.Adam
    generator: torch.Generator
    precision: Precision
    interval: IntervalSums
    average: WeightAverage | None
    monitor: CollapseMonitor = field(default_factory=CollapseMonitor)
    step: int = 0
    curve: list[TrainProgress] = field(default_factory=list)
    events: list[TrainEvent] = field(default_factory=list)
    best: BestWeights = field(default_factory=BestWeights)
    snapshots: list[Snapshot] = field(default_factory=list)
    information: list[InformationPoint] = field(default_factory=list)

    @classmethod
    def begin(
        cls,
        model_config: TrainableConfig,
        train_config: TrainConfig,
        device: str,
        initial: ImageModel | None = None,
        ranks: Ranks = ALONE,
        build: ModelBuilder = build_variant,
    ) -> TrainingState:
        """Begin a training of which nothing is done; noise and, without an initial model, weights follow the seed."""
        # streams of their own: the noise must not repeat the numbers that the weights were drawn from
        seeds = np.random.SeedSequence(train_config.seed).generate_state(2, np.uint64)
        model = build(model_config, int(seeds[0])).to(device).train()
        if initial is not None:
            take_weights(model, initial)
        if train_config.trains == "decoder":
            family_of(model).freeze(model, train_config)
        objective = family_of(model).make_objective(model, train_config, ranks)
        return cls(
            objective=objective,
            optimiser=make_optimiser(model, train_config),
            generator=torch.Generator(device).manual_seed(int(seeds[1])),
            precision=resolve_precision(train_config.precision, device),
            interval=IntervalSums(objective.sizes),
            average=WeightAverage(model, train_config.ema_decay) if train_config.ema_decay else None,
        )

    @property
    def model(self) -> ImageModel:
        """The model whose weights take the steps."""
        return self.objective.model

    @property
    def judged_model(self) -> ImageModel:
        """The model that is looked at and handed over: the mean of the weights where one is kept."""
        return self.average.model if self.average else self.model

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Weights, their mean, optimiser, noise, interval, curve and best weights as contiguous CPU tensors."""
        tensors = {f"{_WEIGHT}{name}": tensor for name, tensor in copy_weights(self.model).items()}
        if self.average:
            tensors |= {f"{_MEAN}{name}": tensor for name, tensor in copy_weights(self.average.model).items()}
        for name, parameter in self._moving():
            for moment, value in self.optimiser.state[parameter].items():
                tensors[f"{_MOMENT}{name}.{moment}"] = value.detach().cpu().contiguous()
        tensors |= {f"{_COUNTED}{name}": each.cpu() for name, each in self.objective.counted.items()}
        tensors["generator"] = self.generator.get_state()
        tensors["interval"] = self.interval.values
        tensors["curve"] = curve_to_tensor(self.curve)
        tensors |= snapshots_to_tensors(self.snapshots) | information_to_tensors(self.information)
        return tensors | self.best.to_tensors()

    def restore_tensors(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over what `to_tensors` gave; ValueError when it is of another model."""
        load_weights(self.model, _with_prefix(tensors, _WEIGHT))
        if self.average:
            load_weights(self.average.model, _with_prefix(tensors, _MEAN))
        for name, parameter in self._moving():
            moments = _with_prefix(tensors, f"{_MOMENT}{name}.")
            self.optimiser.state[parameter] = {key: _place(value, parameter) for key, value in moments.items()}
        counted = _with_prefix(tensors, _COUNTED)
        for name, each in self.objective.counted.items():
            each.copy_(counted[name])
        self.generator.set_state(tensors["generator"])
        self.interval.values.copy_(tensors["interval"])
        self.curve = curve_from_tensor(tensors["curve"])
        self.best.restore_tensors(tensors, self.model)
        self.snapshots = snapshots_from_tensors(tensors, self.model)
        self.information = information_from_tensors(tensors)

    def to_header(self, identity: TrainingIdentity, seconds_used: float) -> CheckpointHeader:
        """What of a checkpoint is no tensor."""
        return CheckpointHeader(
            identity=identity,
            step=self.step,
            seconds_used=seconds_used,
            kl_steps_below=self.monitor.kl_steps_below,
            active_steps_below=self.monitor.active_steps_below,
            active_steps_warming=self.monitor.active_steps_warming,
            events=tuple(self.events),
        )

    def restore_header(self, header: CheckpointHeader) -> None:
        """Take over what `to_header` gave, but for the step."""
        self.monitor = CollapseMonitor(header.kl_steps_below, header.active_steps_below, header.active_steps_warming)
        self.events += header.events

    def hear(self, events: Sequence[TrainEvent]) -> None:
        """Take what happened to its checkpoints."""
        self.events += events

    def onsets(self) -> Sequence[int]:
        """The steps at which a collapse may have begun."""
        return self.monitor.onsets(self.step)

    def _moving(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """The parameters that the optimiser has, with their names."""
        return (pair for pair in self.model.named_parameters() if pair[1].requires_grad)


def weights_in(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights that take the steps, out of what `TrainingState.to_tensors` gave."""
    return _with_prefix(tensors, _WEIGHT)


def _with_prefix(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _place(value: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """Lay a moment out like its parameter, as the fused Adam reads it; safetensors keeps no layout."""
    if value.ndim == 0:
        return value.to(parameter.device)
    return torch.empty_like(parameter, dtype=value.dtype, memory_format=torch.preserve_format).copy_(value)
