"""What an autoencoder says of images, by its definitions."""

import torch

from tests.vae_core.synthetic_images import TINY, boxes
from vae_core.families.build import build_model
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.images.preprocessing import to_unit
from vae_core.inference import score_images


def test_its_scores_are_error_and_code_and_no_kl():
    model, pixels = build_model(ConvAeConfig(network=TINY)).eval(), boxes(20)
    scores = score_images(model, pixels, batch_size=7)
    x = to_unit(pixels)
    z = model.encode(x).detach()
    torch.testing.assert_close(torch.from_numpy(scores.mu), z)
    torch.testing.assert_close(torch.from_numpy(scores.norm), z.square().sum(1).sqrt())
    torch.testing.assert_close(
        torch.from_numpy(scores.recon_error), (model.decode(z).detach() - x).square().mean((1, 2, 3))
    )
    assert scores.own == {}
