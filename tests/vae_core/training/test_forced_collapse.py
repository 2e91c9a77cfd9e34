"""Two models that are made to collapse: what is seen, what is done, and that the codes carry something afterwards."""

import time

import pytest
import torch

from tests.vae_core.autoregressive_vae import SIDE, AutoregressiveConfig, build_autoregressive, noisy_blocks
from tests.vae_core.synthetic_images import recipe
from vae_core.evaluation.codes.latents import measure_latents
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.images.preprocessing import to_unit
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.events import CollapseSign, EventKind, RecoveryAction
from vae_core.training.recovery.recovery import train_with_recovery

SIZE = {"height": SIDE, "width": SIDE, "widths": (16, 32), "latent_dim": 32}


def active_units(model, flipped) -> int:
    """How many means have a variance above 0.01 over a thousand images that were not trained on."""
    with torch.no_grad():
        posterior = model.eval().encode(to_unit(noisy_blocks(1000, seed=1, flipped=flipped)))
    return measure_latents(posterior.mu.numpy(), posterior.logvar.numpy()).active_units


@pytest.mark.parametrize(("warmup_share", "latest_onset"), [(0.1, 60), (0.5, 240)])
def test_a_beta_of_100_collapses_and_is_lowered_from_the_checkpoint_before_the_onset(
    tmp_path, warmup_share, latest_onset
):
    asked = recipe(400, batch_size=64, learning_rate=2e-3, beta=100, kl_warmup_share=warmup_share)
    result = train_with_recovery(
        TrainingData(noisy_blocks(2000, seed=0)),
        ConvVaeConfig(**SIZE),
        asked.model_copy(update={"checkpoint_every_steps": 10}),
        Execution(time.process_time, tmp_path),
    )
    seen, restarted = result.events
    assert (seen.kind, seen.collapse.sign) == (EventKind.collapse_suspected, CollapseSign.kl_below)
    onset, recovery = seen.collapse.onset_step, restarted.recovery
    assert recovery.action == RecoveryAction.lower_beta and 0 < recovery.from_step < onset <= latest_onset
    assert recovery.from_step >= onset - 11
    assert "beta 100 to 1; goes on from the checkpoint of step" in restarted.detail
    assert result.steps == 400 and not result.is_suspect
    assert active_units(result.model, 0.1) >= 10


def test_a_decoder_that_can_ignore_its_codes_does_so_and_uses_them_after_a_cyclical_restart():
    # 30 % of the pixels are flipped: a block's colour is worth as much as it costs once the decoder can infer it
    result = train_with_recovery(
        TrainingData(noisy_blocks(4000, seed=0, flipped=0.3)),
        AutoregressiveConfig(**SIZE, layers=12),
        recipe(350, batch_size=32, learning_rate=2e-3, kl_warmup_share=0.0),
        Execution(time.process_time),
        build=build_autoregressive,
    )
    seen, restarted = result.events
    assert (seen.kind, restarted.kind) == (EventKind.collapse_suspected, EventKind.restarted)
    assert restarted.recovery.action == RecoveryAction.cyclical_restart and restarted.recovery.from_step == 0
    assert not result.is_suspect and len(result.model.decoder) == 11
    assert active_units(result.model, 0.3) >= 10
