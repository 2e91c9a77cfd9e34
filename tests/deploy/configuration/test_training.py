"""What [training] says: a tier's table changes what it names, and a model or a prior that cannot be is one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.configuration.training import TrainingConfig
from deploy.settings import SettingsError, load_settings
from tests.deploy.settled import problems
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.training.health.early_warning import twin_recipe

pytestmark = pytest.mark.usefixtures("file")


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:0", "cuda:12"])
def test_a_device_need_not_be_there_where_the_settings_are_read(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setenv("LATENTLOOP_TRAINING__DEVICE", device)

    assert load_settings().training.device == device


def test_the_default_model_is_a_vq_vae_with_a_prior_over_its_codes() -> None:
    training = load_settings().training
    assert isinstance(training.model, VqVaeConfig)
    config = training.code_prior.config_for(training.model)
    assert (config.grid, config.codebook_size) == ((7, 7), 512)
    assert (training.code_prior.recipe.budget.amount, training.code_prior.recipe.budget.unit) == (300, "seconds")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "[training.model]\nlatent_dim = 16\n",
            r'^training\.model\.latent_dim: .*a conv_vae has it, a vq_vae does not: say variant = "conv_vae", or',
        ),
        ("[training.model]\nvariant = 'vq_gan'\n", r"^training\.model: .*'conv_vae', 'vq_vae'; came 'vq_gan'"),
        # a baseline of vae_core, which is not served
        ("[training.model]\nvariant = 'conv_ae'\n", r"^training\.model: (?=.*conv_vae)(?=.*vq_vae).*\bconv_ae\b"),
        ("[training.code_prior]\nheads = 3\n", r"^training: .*code_prior over \(7, 7\) codes .*128 .* 3 heads"),
        (
            "[preprocessing]\nheight = 512\nwidth = 512\n"
            "[training.model]\nvariant = 'vq_vae'\nheight = 512\nwidth = 512\n",
            r"^training: .*code_prior over \(128, 128\) codes of 512: grid must be 1 to 64 codes a side, came 128",
        ),
        (
            "[training.model]\nvariant = 'vq_vae'\ncodebook_size = 8192\n",
            r"^training: .*codebook_size 8192 is more than the 6272 tokens of a batch of 128 images \(7 x 7 each",
        ),
    ],
)
def test_a_model_or_a_prior_that_cannot_be_is_one_line(file: Path, content: str, said: str) -> None:
    file.write_text(content)
    (problem,) = problems()
    assert re.search(said, problem), problem


def test_a_network_that_names_no_variant_is_of_the_default_one(file: Path) -> None:
    file.write_text("[preprocessing]\nheight = 32\n[training.model]\nwidths = [8, 16]\n")
    model = load_settings().training.model
    assert isinstance(model, VqVaeConfig)
    assert (model.widths, model.shape) == ((8, 16), (1, 32, 32))


def test_a_prior_over_codes_must_fit_though_a_vae_is_trained_since_the_champion_may_have_codes(file: Path) -> None:
    file.write_text("[training.model]\nvariant = 'conv_vae'\nlatent_dim = 16\n")
    model = load_settings().training.model
    assert isinstance(model, ConvVaeConfig) and model.latent_dim == 16
    file.write_text("[training.model]\nvariant = 'conv_vae'\n[training.code_prior]\nheads = 3\n")
    with pytest.raises(SettingsError, match="128 is not a multiple of 3 heads"):
        load_settings()


def test_the_full_tier_looks_out_for_a_collapse_by_default() -> None:
    full = load_settings().training.full
    assert (full.snapshots, full.mutual_information_every_steps, full.twin_share) == (4, 8_000, 0.1)
    assert (full.budget.amount, full.budget.unit) == (40, "epochs")


def test_the_full_tier_warms_up_for_five_epochs_and_its_twin_for_a_quarter_of_them() -> None:
    full = load_settings().training.full
    assert (full.kl_warmup_unit, full.kl_warmup_share * full.budget.amount) == ("share", 5)
    twin = twin_recipe(full, full.twin_share, steps_per_epoch=468)
    assert twin.kl_warmup_share * twin.budget.amount == 1.25
    assert twin.budget.amount == pytest.approx(4)


def test_a_table_of_a_tier_changes_what_it_names(file: Path) -> None:
    shorter = "[training.incremental.budget]\namount = 3\n"
    file.write_text("[training.full]\nsnapshots = 2\nbudget = {amount = 1}\n" + shorter)
    training, default = load_settings().training, TrainingConfig()
    one, three = (default.full.budget.model_copy(update={"amount": amount}) for amount in (1, 3))
    assert training.full == default.full.model_copy(update={"snapshots": 2, "budget": one})
    assert training.incremental == default.incremental.model_copy(update={"budget": three})
    assert training.incremental.trains == "decoder"
    assert training.emergency == default.emergency


def test_a_table_that_contradicts_its_tier_is_one_line(file: Path) -> None:
    file.write_text("[training.incremental]\nlearning_rate = 1e-6\n")
    (problem,) = problems()
    assert "final_learning_rate 1e-05 is above learning_rate 1e-06" in problem
