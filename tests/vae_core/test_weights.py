import pytest
import torch

from tests.vae_core.synthetic_images import TINY
from vae_core.families.build import build_model
from vae_core.weights import copy_weights, digest_weights, encoder_digest


def test_every_weight_is_either_the_encoder_s_or_not():
    plain = encoder_digest(build_model(TINY))
    for name in copy_weights(build_model(TINY)):
        model = build_model(TINY)
        with torch.no_grad():
            model.get_parameter(name).mul_(1.001).add_(1e-3)
        assert (encoder_digest(model) != plain) == name.startswith(("encoder.", "to_posterior.")), name


def test_equal_weights_have_equal_digests_whatever_their_layout_order_and_gradients():
    model = build_model(TINY)
    weights = copy_weights(model)
    again = {name: weights[name] for name in reversed(weights)}
    assert digest_weights(weights) == digest_weights(again) == digest_weights(dict(model.named_parameters()))
    assert digest_weights(weights) != digest_weights(copy_weights(build_model(TINY, seed=1)))


@pytest.mark.parametrize(
    "other",
    [{"b": torch.zeros(4)}, {"a": torch.zeros(2, 2)}, {"a": torch.zeros(4).double()}, {"a": torch.ones(4)}, {}],
)
def test_name_shape_type_and_values_are_all_in_the_digest(other):
    assert digest_weights({"a": torch.zeros(4)}) != digest_weights(other)
