"""Settings that follow others where nobody says them, so that a thing is said once.

`[training.model]` takes the size and the channels that `[preprocessing]` makes, and a height without a width, or the
other way round, is square. The share of refused images that is too much is the same at the ingest and in the traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from deploy.configuration.training import TrainingConfig
from vae_core.images.preprocessing import Preprocessing

SHAPE = ("channels", "height", "width")
REFUSED = "max_refused_share"

FOLLOWED: Mapping[str, tuple[str, ...]] = {
    "preprocessing.height": ("preprocessing.width",),
    "preprocessing.width": ("preprocessing.height",),
    "training.model.channels": ("preprocessing.channels",),
    "training.model.height": ("preprocessing.height", "preprocessing.width"),
    "training.model.width": ("preprocessing.width", "preprocessing.height"),
    "drift.max_refused_share": ("input_policy.max_refused_share",),
}
"""A setting, and those that it follows: the first of them that somebody said."""


def follow(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was said, merged from all who said it, with what follows from it. What is wrong is left to be refused."""
    followed = dict(values)
    images = followed.get("preprocessing")
    if isinstance(images, Mapping):
        images = followed["preprocessing"] = _square(images)
    shape = _shape_of(images)
    training = followed.get("training", {})
    if shape and isinstance(training, Mapping):
        followed["training"] = {**training, "model": _take(shape, training.get("model", _usual_model()))}
    gate, drift = followed.get("input_policy"), followed.get("drift", {})
    if isinstance(gate, Mapping) and REFUSED in gate and isinstance(drift, Mapping):
        followed["drift"] = {REFUSED: gate[REFUSED], **drift}
    return followed


def _square(images: Mapping[str, Any]) -> dict[str, Any]:
    """A side that nobody says is as long as the other."""
    said = [images[side] for side in ("height", "width") if side in images]
    return {"height": said[0], "width": said[0], **images} if len(said) == 1 else dict(images)


def _shape_of(images: object) -> dict[str, int]:
    """Channels, height and width that preprocessing makes; empty where nobody said any, or one is wrong."""
    if isinstance(images, Mapping):
        try:
            images = Preprocessing.model_validate({word: images[word] for word in SHAPE if word in images})
        except ValidationError:
            return {}
    return {word: getattr(images, word) for word in SHAPE} if isinstance(images, Preprocessing) else {}


def _usual_model() -> dict[str, Any]:
    return {"variant": TrainingConfig.model_fields["model"].default.variant}


def _take(shape: Mapping[str, int], model: object) -> object:
    """A model that the program made says all of itself."""
    return {**shape, **model} if isinstance(model, Mapping) else model
