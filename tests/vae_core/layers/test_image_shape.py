"""Images of another shape: named by every model, before anything is computed of them."""

import numpy as np
import pytest
import torch

from tests.vae_core.linear_vae import PixelFeatures
from tests.vae_core.synthetic_images import TINY, boxes, tiny_vq_vae
from vae_core.errors import DataError
from vae_core.evaluation.benchmark import evaluate
from vae_core.families.build import build_model
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.variants import ImageModel
from vae_core.inference import score_images

KINDS = ["conv_vae", "conv_ae", "vq_vae"]
EXPECTED = r"encode: expected images \(B, 1, 8, 8\), came "


def _model(kind: str) -> ImageModel:
    if kind == "vq_vae":
        return tiny_vq_vae()
    return build_model(TINY if kind == "conv_vae" else ConvAeConfig(network=TINY)).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_image_of_this_model_is_named_by_its_encoder(kind: str) -> None:
    model = _model(kind)
    # 4 x 16 has as many pixels as 8 x 8, and its maps as many numbers
    for shape in ((2, 1, 4, 16), (2, 1, 8, 12), (2, 3, 8, 8), (0, 1, 8, 8), (1, 8, 8)):
        with pytest.raises(DataError, match=EXPECTED):
            model.encode(torch.zeros(shape))
        with pytest.raises(DataError, match=EXPECTED):
            model.encode_dropping(torch.zeros(shape), 0.1, torch.Generator().manual_seed(0))


class _NeverAsked(PixelFeatures):
    def extract(self, pixels: np.ndarray) -> np.ndarray:
        raise AssertionError("features were extracted of images that the model cannot take")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "channels"), [(12, 1), (8, 3)])
def test_scores_and_evaluations_name_the_shape_and_what_to_do(kind: str, size: int, channels: int) -> None:
    model, pixels = _model(kind), boxes(6, size=size, channels=channels)
    came = rf"\({{}}, {channels}, {size}, {size}\); let preprocessing make the pixels"
    with pytest.raises(DataError, match=EXPECTED + came.format(6)):
        score_images(model, pixels)
    with pytest.raises(DataError, match=EXPECTED + came.format(1)):
        evaluate(model, pixels, extractor=_NeverAsked(), prior=None)
