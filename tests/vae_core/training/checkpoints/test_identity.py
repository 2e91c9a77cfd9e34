"""Which training a checkpoint belongs to."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.vae_core.synthetic_images import TINY, TINY_VQ, boxes, recipe
from tests.vae_core.training.checkpoints.kept_checkpoints import IDENTITY
from vae_core.errors import CheckpointError
from vae_core.families.build import build_model
from vae_core.training.checkpoints.checkpoint import CheckpointFolder, CheckpointHeader
from vae_core.training.checkpoints.identity import TrainingIdentity, identify_training
from vae_core.training.data.batches import Pairs
from vae_core.training.data.training_data import TrainingData

DIGESTS = ("data_digest", "initial_digest")


@pytest.mark.parametrize(
    ("identity", "what"),
    [
        (
            IDENTITY.model_copy(update={"model": TINY.model_copy(update={"latent_dim": 5})}),
            "model config: latent_dim 4 instead of 5",
        ),
        (IDENTITY.model_copy(update={"model": TINY_VQ}), "model config: variant conv_vae instead of vq_vae"),
        (
            IDENTITY.model_copy(update={"training": recipe(30, seed=1)}),
            "training config: budget.amount 20 instead of 30, seed 0 instead of 1",
        ),
        (IDENTITY.model_copy(update={"data_digest": "f" * 64}), "images"),
        (IDENTITY.model_copy(update={"initial_digest": "f" * 64}), "warm start"),
        (IDENTITY.model_copy(update={"weights_digest": "f" * 64}), "sampling weights"),
        (IDENTITY.model_copy(update={"held_out_digest": "f" * 64}), "held-out images"),
        (IDENTITY.model_copy(update=dict.fromkeys(DIGESTS, "f" * 64)), "images; other warm start"),
    ],
)
def test_another_training_s_checkpoint_is_refused_by_what_differs(filled, identity, what):
    with pytest.raises(CheckpointError, match=rf"another training \(other {what}\); choose another"):
        CheckpointFolder(filled, identity, CheckpointHeader).newest()


def test_a_checkpoint_of_the_first_release_is_still_this_training_s():
    header = (
        b'{"events":[],"identity":{"data_digest":"' + b"0" * 64 + b'","model":{"channels":1,"height":8,"latent_dim":4,'
        b'"schema_version":1,"variant":"conv_vae","width":8,"widths":[4,8]},"training":{"batch_size":16,"beta":1.0,'
        b'"budget":{"amount":20.0,"unit":"steps"},"checkpoint_every_steps":500,"final_learning_rate":0.0003,'
        b'"free_bits_nats":0.5,"kl_warmup_share":0.1,"learning_rate":0.001,"precision":"fp32","schema_version":1,'
        b'"seed":0}},"kl_steps_below":2,"schema_version":1,"seconds_used":1.5,"step":5}'
    )
    assert CheckpointHeader.model_validate_json(header).identity == IDENTITY


GIVEN = {
    "images": boxes(6),
    "initial": build_model(TINY),
    "weights": np.ones(6),
    "held_out": boxes(3, seed=1),
    "pairs": Pairs(boxes(4, seed=2), boxes(4, seed=3), 0.25),
}
OTHERWISE = {
    "images": ("images", boxes(6)[::-1]),
    "initial": ("warm start", build_model(TINY, seed=1)),
    "weights": ("sampling weights", np.arange(6.0)),
    "held_out": ("held-out images", boxes(3, seed=4)),
    "inputs": ("pairs", replace(GIVEN["pairs"], inputs=boxes(4, seed=4))),
    "targets": ("pairs", replace(GIVEN["pairs"], targets=boxes(4, seed=4))),
    "share": ("pairs", replace(GIVEN["pairs"], share=0.5)),
}


def identified(**changes: Any) -> TrainingIdentity:
    given = GIVEN | changes
    initial = given.pop("initial")
    return identify_training(TINY, recipe(), TrainingData(**given), initial)


@pytest.mark.parametrize("part", OTHERWISE)
def test_a_training_is_another_one_by_whatever_of_its_data_is_otherwise(part):
    words, other = OTHERWISE[part]
    name = part if part in GIVEN else "pairs"
    one, same = (identified() for _ in range(2))
    assert one == same and one.differences(same) == []
    assert one.differences(identified(**{name: other})) == [words]


@pytest.mark.parametrize("name", ["initial", "weights", "held_out", "pairs"])
def test_what_is_not_given_has_no_digest_and_is_no_equal_of_what_is(name):
    without = identified(**{name: None})
    digests = without.model_dump(include={"initial_digest", "weights_digest", "held_out_digest", "pairs_digest"})
    assert [digest is None for digest in digests.values()].count(True) == 1
    assert len(without.differences(identified())) == 1
