"""How a version is trained: what `[training]` of the settings says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from vae_core.config import Budget, TrainConfig
from vae_core.families.configs import ModelConfig
from vae_core.families.family import CodeGrid
from vae_core.families.registry import FAMILIES, family_of, served_families
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.priors.code_prior_config import CodePriorConfig, CodePriorRecipe
from vae_core.training.recipes import emergency_recipe, incremental_recipe


def full_recipe() -> TrainConfig:
    """Forty epochs from scratch, the KL warming up in the first five, with all that looks out for a collapse.

    The field warms up for 5 to 10 epochs; the shorter leaves the whole KL the most of the budget.

    What that costs beside the CPU seconds of 60,000 images of Fashion-MNIST on one core (510 in bf16), in 18,720 steps:
    three looks at the information of 10,000 images, 1 s each; four snapshots, 0.1 s each for their KL; and less than
    25 ms for each of 38 checkpoints that keeps them: below 1 % in all. The twin has 4 epochs of its own, a tenth.
    """
    return TrainConfig(
        budget=Budget(amount=40, unit="epochs"),
        kl_warmup_share=0.125,
        snapshots=4,
        mutual_information_every_steps=8_000,
        twin_share=0.1,
    )


_PRIOR_RECIPE = CodePriorRecipe(budget=Budget(amount=300, unit="seconds"))


class CodePriorTraining(BaseModel):
    """The prior over a VQ-VAE's codes: its size, and the recipe by which every tier fits it.

    Its budget beside the training's: on the codes of 60,000 Fashion-MNIST images one core brings 92.6 nats an image
    after 60 s, 88.7 after 120 s and 85.1 after 300 s, where each position's frequencies alone have 192.7 (on the
    codes of another model, in `benchmarks.samples`, 89.6 and 197.9).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(128, ge=8, le=2048, description="channels of every position")
    depth: int = Field(2, ge=1, le=64, description="blocks of attention and perceptron")
    heads: int = Field(4, ge=1, le=64, description="of attention, width / heads channels each")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the channels that a block adds, while fitting")
    recipe: CodePriorRecipe = _PRIOR_RECIPE

    @field_validator("recipe", mode="before")
    @classmethod
    def _begins_at_the_usual(cls, table: object) -> object:
        """Who names a batch size need not repeat the budget."""
        return _change(_PRIOR_RECIPE.model_dump(), table) if isinstance(table, Mapping) else table

    def config_for(self, model: CodeGrid) -> CodePriorConfig:
        """The prior over the codes of this model; ValueError, one line, where it cannot be built."""
        try:
            return CodePriorConfig(
                grid=model.grid,
                codebook_size=model.codes,
                width=self.width,
                depth=self.depth,
                heads=self.heads,
                dropout=self.dropout,
            )
        except ValidationError as error:
            problems = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
            raise ValueError(f"code_prior over {model.grid} codes of {model.codes}: {problems}") from error


_RECIPES = {"full": full_recipe(), "incremental": incremental_recipe(), "emergency": emergency_recipe()}


class TrainingConfig(BaseModel):
    """How the tiers train: their recipes, the network, its prior, and what the process may use.

    A table of a tier changes what it names; what it leaves out is as in the tier's recipe.
    snapshots, mutual_information_every_steps and twin_share of a recipe are of a VAE of which all is trained; the plan
    of any other training leaves them out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelConfig = VqVaeConfig()
    full: TrainConfig = _RECIPES["full"]
    incremental: TrainConfig = _RECIPES["incremental"]
    emergency: TrainConfig = _RECIPES["emergency"]
    window_images: int = Field(100_000, ge=100, description="newest images that a warm start takes as its window")
    clock: Literal["wall", "cpu"] = Field("wall", description="what a budget in seconds counts")
    threads: int = Field(
        1, ge=1, le=256, description="torch threads; beside other load two threads are slower than one"
    )
    mixture_components: int = Field(10, ge=1, le=512, description="of a VAE's ex-post density; the usual ten")
    code_prior: CodePriorTraining = CodePriorTraining()
    pixels_in_memory_bytes: int = Field(
        4 * 2**30,
        ge=0,
        description="decoded images of a training that memory holds; more lie in a file of the work folder. 4 GiB are "
        "5.5 million grey images of 28 px, and leave room beside themselves in 8 GiB",
    )
    device: str = Field(
        "cpu",
        pattern=r"^(cpu|cuda(:(0|[1-9][0-9]?))?)$",
        description='"cpu", "cuda" or "cuda:N"; of the worker that trains, measures and looks for a new kind',
    )

    @field_validator("model", mode="before")
    @classmethod
    def _is_served(cls, model: object) -> object:
        """A table that names no variant changes the default one."""
        if not isinstance(model, dict):
            return model
        named = FAMILIES.get(str(model.get("variant")))
        if named is not None and not named.is_served:
            served = " or ".join(f'"{each.variant}"' for each in served_families())
            raise ValueError(
                f'expected variant = {served}, came "{named.variant}"; it is a baseline of vae_core, never served'
            )
        return {"variant": VqVaeConfig().variant, **model}

    @field_validator(*_RECIPES, mode="before")
    @classmethod
    def _begins_at_the_tier(cls, table: object, info: ValidationInfo) -> object:
        """A shorter budget must not make of an incremental training one that moves the encoder."""
        if not isinstance(table, Mapping) or info.field_name is None:
            return table
        return _change(_RECIPES[info.field_name].model_dump(), table)

    @model_validator(mode="after")
    def _agrees(self) -> TrainingConfig:
        # also where a VAE is trained by now: the champion may be a VQ-VAE, and keeps its network
        family = family_of(self.model)
        self.code_prior.config_for(family.code_grid(self.model) or VqVaeConfig())
        if problem := family.find_batch_problem(self.model, self.full.batch_size):
            raise ValueError(f"model: {problem}")
        return self


def _change(values: dict[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Put what a table names in the place of values, table within table."""
    changed = dict(values)
    for name, value in table.items():
        before = changed.get(name)
        if isinstance(before, dict) and isinstance(value, Mapping):
            value = _change(before, value)
        changed[name] = value
    return changed
