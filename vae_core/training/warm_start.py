"""A training that goes on from a trained model: all of its weights, or its decoder under the same codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_core.errors import DataError, FrozenError
from vae_core.weights import copy_weights, encoder_digest, load_weights

if TYPE_CHECKING:
    from vae_core.families.configs import TrainableConfig
    from vae_core.families.variants import ImageModel


def require_start(initial: ImageModel | None, config: TrainableConfig, trains: str) -> None:
    """DataError when a training of this config cannot begin at this model, or needs one and has none."""
    if initial is None:
        if trains == "decoder":
            raise DataError(
                "train: trains='decoder' keeps the encoder of a trained model, came none; give initial, or train all"
            )
        return
    if initial.config != config:
        ours, theirs = config.model_dump(), initial.config.model_dump()
        other = ", ".join(
            f"{name} {ours[name]} but {theirs.get(name)}" for name in ours if ours[name] != theirs.get(name)
        )
        raise DataError(
            f"train: expected an initial model of the config to be trained, came {other}; "
            "use the model's own config, or train from scratch"
        )


def take_weights(model: ImageModel, initial: ImageModel) -> None:
    """Copy all weights of a model of the same config; DataError when they are not finite."""
    try:
        load_weights(model, copy_weights(initial))
    except ValueError as error:
        raise DataError(f"train: the initial model cannot be a start ({error}); take another version") from error


def take_encoder(model: ImageModel, trained: ImageModel) -> None:
    """Copy the encoder of a model whose other parts may be of another size."""
    for part in model.ENCODER:
        model.get_submodule(part).load_state_dict(trained.get_submodule(part).state_dict())


def freeze_encoder(model: ImageModel) -> None:
    """Keep the encoder out of training: eval mode, no gradients."""
    for part in model.ENCODER:
        model.get_submodule(part).eval().requires_grad_(False)


def require_encoder(model: ImageModel, expected_digest: str) -> None:
    """FrozenError unless the encoder is the one of this digest."""
    came = encoder_digest(model)
    if came != expected_digest:
        raise FrozenError(
            f"train: expected the encoder {expected_digest[:12]}… as it was, came {came[:12]}…; "
            "the weights are not handed over, start anew from the parent version"
        )
