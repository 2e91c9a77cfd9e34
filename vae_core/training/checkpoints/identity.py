"""Which training a checkpoint belongs to, by everything that its weights follow from."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict, Field

from vae_core.config import TrainConfig
from vae_core.documents import SHA256
from vae_core.families.configs import TrainableConfig
from vae_core.families.variants import ImageModel
from vae_core.images.preprocessing import pixel_digest
from vae_core.training.checkpoints.differences import describe_other
from vae_core.training.data.batches import Pairs
from vae_core.training.data.order import digest_sampling_weights
from vae_core.training.data.training_data import TrainingData
from vae_core.weights import copy_weights, digest_weights

_WORDS = {
    "model": "model config",
    "training": "training config",
    "data_digest": "images",
    "initial_digest": "warm start",
    "weights_digest": "sampling weights",
    "held_out_digest": "held-out images",
    "pairs_digest": "pairs",
}


class TrainingIdentity(BaseModel):
    """Another model, recipe or set of images is another training.

    The digests of warm start, sampling weights, held-out images and pairs are None where there are none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: TrainableConfig
    training: TrainConfig
    data_digest: str = Field(pattern=SHA256)
    initial_digest: str | None = Field(None, pattern=SHA256)
    weights_digest: str | None = Field(None, pattern=SHA256)
    held_out_digest: str | None = Field(None, pattern=SHA256)
    pairs_digest: str | None = Field(None, pattern=SHA256)

    def differences(self, other: TrainingIdentity) -> list[str]:
        """What is not the same in both, in a person's words; of configs also the values here and in the other."""
        return describe_other(self, other, _WORDS)


def identify_training(
    model_config: TrainableConfig,
    train_config: TrainConfig,
    data: TrainingData,
    initial: ImageModel | None,
) -> TrainingIdentity:
    """Identify a training by what `train` was given, but for the images that it is only inspected with."""
    return TrainingIdentity(
        model=model_config,
        training=train_config,
        data_digest=pixel_digest(data.images),
        initial_digest=None if initial is None else digest_weights(copy_weights(initial)),
        weights_digest=None if data.weights is None else digest_sampling_weights(data.weights),
        held_out_digest=None if data.held_out is None else pixel_digest(data.held_out),
        pairs_digest=None if data.pairs is None else _digest_pairs(data.pairs),
    )


def _digest_pairs(pairs: Pairs) -> str:
    words = f"{pixel_digest(pairs.inputs)} {pixel_digest(pairs.targets)} {pairs.share!r}"
    return hashlib.sha256(words.encode()).hexdigest()
