"""What a VQ-VAE says of images, by its definitions."""

import numpy as np
import torch

from tests.vae_core.synthetic_images import boxes, tiny_vq_vae
from vae_core.images.preprocessing import to_unit
from vae_core.inference import score_images


def test_scores_of_codes_equal_their_definitions_in_float64():
    model, pixels = tiny_vq_vae(), boxes(7)
    scores = score_images(model, pixels)
    found = {"reconstruction": scores.reconstruction, "mu": scores.mu, **scores.numbers(), **scores.own}
    assert {name: each.shape for name, each in found.items()} == {
        "reconstruction": (7, 1, 8, 8),
        "mu": (7, 32),
        "recon_error": (7,),
        "norm": (7,),
        "codes": (7, 2, 2),
        "code_distance": (7,),
    }
    z_e = model.encode(to_unit(pixels)).detach().double()
    codebook = model.quantiser.book.codebook.double()
    distances = (z_e.permute(0, 2, 3, 1)[:, :, :, None] - codebook).norm(dim=-1)
    assert np.array_equal(found["codes"], distances.argmin(-1)) and found["codes"].dtype == np.int32
    np.testing.assert_allclose(found["code_distance"], distances.amin(-1).mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(found["norm"], z_e.norm(dim=1).mean((1, 2)), rtol=1e-5)
    summary = z_e.permute(0, 2, 3, 1).reshape(7, -1) @ model.directions.double()
    np.testing.assert_allclose(found["mu"], summary, rtol=1e-4, atol=1e-5)
    decoded = model.decode_codes(torch.from_numpy(found["codes"]).long()).detach()
    np.testing.assert_allclose(found["reconstruction"], decoded, rtol=1e-5, atol=1e-6)
    squared = (found["reconstruction"].astype(np.float64) - pixels / 255.0) ** 2
    np.testing.assert_allclose(found["recon_error"], squared.mean(axis=(1, 2, 3)), rtol=1e-5)
