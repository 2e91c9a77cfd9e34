"""The demo's installation: its own home, a settings file like any other, all clocks compressed."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.settings import CONFIG_VARIABLE, Settings, SettingsError, load_settings
from latentloop.demo.told import DemoModel
from latentloop.supervisor.lock import find_holder


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the demo is; CPU seconds for trainings and the prior over codes, wall seconds for the watchdog.

    shipment: images that are shipped; of somebody's own pictures, files that are read at most for the whole story.
    season, season_share: of somebody's own pictures, those of a season that nobody named, and their share of all at
    most: of 1,000 sent, 600 are found without labels where kinds are hard to tell apart.
    longest_px: of somebody's own pictures, the longer side in which a model sees them; None: as `init` proposes.
    `patience_s`: wall seconds of a season after which it ends once all is sent, where nothing must notice.
    """

    shipment: int
    training_s: float
    benchmark: int
    holdout_min: int
    requests: int
    emergency_s: float
    measured: int
    watchdog_s: int
    prior_s: float
    season: int = 1_000
    season_share: float = 0.2
    longest_px: int | None = None
    patience_s: float = 40.0


FULL = Scale(
    shipment=36_000,
    training_s=100,
    benchmark=5_000,
    holdout_min=5_000,
    requests=3_000,
    emergency_s=45,
    measured=5_000,
    watchdog_s=2_700,
    prior_s=60,
)
QUICK = Scale(
    shipment=9_000,
    training_s=30,
    benchmark=1_500,
    holdout_min=1_500,
    requests=1_500,
    emergency_s=20,
    measured=1_500,
    watchdog_s=1_500,
    prior_s=10,
)

TEMPLATE = """\
# Written by `latentloop demo`; an installation of your own needs only what differs from the defaults.
product = "fashion"
clock_factor = 0.05

[input_policy]
# real products of this catalogue are flat: the flattest has a pixel variance of 0.0042
min_variance = 0.003

[training]
clock = "cpu"

{model}
# nothing beside the training, and the warm-up that it always had: its figures compare with those of earlier releases
[training.full]
kl_warmup_share = 0.1
seed = 7
snapshots = 0
mutual_information_every_steps = 0
twin_share = 0.0

[training.full.budget]
amount = {training_s}
unit = "seconds"

[training.emergency]
# the champion is a minute old: 1e-3 brings its new kind further than the 3e-4 for one that has converged
learning_rate = 1e-3
final_learning_rate = 3e-4
kl_warmup_share = 0.1
seed = 7

[training.emergency.budget]
amount = {emergency_s}
unit = "seconds"

# the compressed day: a canary of 15 s, a watch of 15 s
[delivery]
canary_min_s = 300
watch_s = 300

[serving]
capture_segment_s = 2

# a run of this demo starts within seconds
[controller]
dead_run_retry_s = 60

[evaluation]
n_images = {benchmark}
n_samples = {benchmark}
holdout_min = {holdout_min}
holdout_share = 0.25
"""


def demo_settings(scale: Scale, model: DemoModel) -> Settings:
    """An installation in a fresh home, told what the demo on its own data set needs."""
    home = fresh_home()
    text = TEMPLATE.format(
        model=_describe_model(model, scale.prior_s),
        training_s=scale.training_s,
        emergency_s=scale.emergency_s,
        benchmark=scale.benchmark,
        holdout_min=scale.holdout_min,
    )
    return settle(home, text)


def _describe_model(model: DemoModel, prior_s: float) -> str:
    """The lines of the settings file; `prior_s`: CPU seconds for the prior over codes, which a VAE has not."""
    if model is DemoModel.vae:
        return '[training.model]\nvariant = "conv_vae"\n'
    return (
        '[training.model]\nvariant = "vq_vae"\n\n'
        f'[training.code_prior.recipe.budget]\namount = {prior_s:g}\nunit = "seconds"\n'
    )


def fresh_home() -> Path:
    """The folder `.latentloop/demo`; what an earlier demo left there is removed first."""
    home = Path(".latentloop") / "demo"
    if (other := find_holder(home)) is not None:
        raise SettingsError(f"a demo is running already (pid {other.pid}): wait for it, or end it with Ctrl-C there")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    return home


def settle(home: Path, text: str) -> Settings:
    """Write the settings file of this home, and read it as every process will."""
    config = home / "latentloop.toml"
    config.write_text(text, encoding="utf-8")
    # child processes read the same file
    os.environ[CONFIG_VARIABLE] = str(config.resolve())
    return load_settings(home=home)
