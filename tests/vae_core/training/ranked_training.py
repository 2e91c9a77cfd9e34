"""One of several processes that train one model; its arguments: out folder, kind, checkpoint folder or nothing."""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import distributed

from tests.vae_core.synthetic_images import TINY, TINY_VQ, boxes, recipe
from vae_core.ranks import ALONE, Ranks
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train
from vae_core.weights import copy_weights

# noise: equal tokens would make the draws of first codes undecided between them
IMAGES = np.random.default_rng(0).integers(0, 256, (64, 1, 8, 8), dtype=np.uint8)

KINDS = {
    "vae": (TINY, {"mask_share": 0.2, "encoder_dropout": 0.2}),
    "gaussian": (TINY.model_copy(update={"likelihood": "gaussian"}), {"kl_warmup_share": 0.5, "mask_share": 0.1}),
    "vq": (TINY_VQ, {"clip_norm": 0.05}),
    "vq_gradient": (TINY_VQ.model_copy(update={"quantizer": "gradient"}), {"ema_decay": 0.9}),
}


def train_part(kind: str, ranks: Ranks, folder: Path | None, steps: int = 12) -> dict[str, torch.Tensor]:
    """Train as one of the ranks; the weights that came out, and the figures of the last report."""
    config, changes = KINDS[kind]
    plan = recipe(steps, checkpoint_every_steps=4, validate_every_steps=6, **changes)
    result = train(
        TrainingData(IMAGES, held_out=boxes(10, seed=3)),
        config,
        plan,
        Execution(lambda: 0.0, folder, log_every=6, ranks=ranks),
    )
    last = result.curve[-1]
    told = [each for each in (last.nll, last.kl, last.squared_error, last.codes_used) if each is not None]
    looks = torch.tensor([[point.step, point.loss] for point in result.held_out_curve], dtype=torch.float64)
    assert result.model.ranks == ALONE
    return {**copy_weights(result.model), "told": torch.tensor(told, dtype=torch.float64), "looks": looks}


if __name__ == "__main__":
    torch.set_num_threads(1)
    out, kind, folder = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    distributed.init_process_group("gloo")
    ranks = Ranks.of_group()
    save_file(train_part(kind, ranks, Path(folder) if folder else None), out / f"rank-{ranks.rank}.safetensors")
    distributed.destroy_process_group()
