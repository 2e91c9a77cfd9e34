"""The smallest VQ-VAE of the pictures of the closed form, and a prior over its codes."""

import numpy as np
import torch

from vae_core.families.build import build_model
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.model import VqVae
from vae_core.images.preprocessing import to_unit
from vae_core.priors.code_prior import CodePrior, build_code_prior
from vae_core.priors.code_prior_config import CodePriorConfig

CODES = 8
CONFIG = VqVaeConfig(height=4, width=4, widths=(4,), codebook_size=CODES, code_dim=4)


def coded_vae(pixels: np.ndarray) -> VqVae:
    """Build one whose codes are those of the pixels; in eval mode."""
    built = build_model(CONFIG, seed=0)
    built.start_codes([to_unit(pixels)], torch.Generator().manual_seed(0))
    return built.eval()


def code_prior() -> CodePrior:
    """Build an untrained prior over its 2 x 2 codes."""
    return build_code_prior(CodePriorConfig(grid=(2, 2), codebook_size=CODES, width=8, depth=1, heads=1)).eval()
