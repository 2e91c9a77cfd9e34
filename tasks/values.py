"""What passes between the steps of a flow: small frozen values; images and weights travel as key plus digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field

from data_checks.verdict import Verdict
from deploy.record.holdouts import BenchmarkSet
from deploy.release import ServedVersion
from vae_core.config import TrainConfig
from vae_core.families.configs import ModelConfig
from vae_core.images.preprocessing import Preprocessing
from vae_core.priors.code_prior_config import CodePriorConfig, CodePriorRecipe

if TYPE_CHECKING:
    from vae_core.training.data.mixing import Mixture
    from vae_core.training.health.events import TrainEvent
    from vae_core.training.health.information import InformationPoint

Tier = Literal["full", "incremental", "emergency"]
Cause = Literal["schedule", "by hand", "drift"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1


class Claimed(_Value):
    """A trigger and what its claim said: `duplicate` work is not done again (`told`: why), `resumed` work continues."""

    key: str
    owner: str
    outcome: Literal["new", "resumed", "duplicate"]
    attempt: int
    told: str = ""

    @property
    def duplicate(self) -> bool:
        """Somebody else does this work, or did it."""
        return self.outcome == "duplicate"


class NewKindFound(_Value):
    """The images of a new kind in the window, as `data_checks.kinds.new_kind` found them without labels.

    `purity`: the share of them that the rise explains. `error_ratio`: their mean error over the reference's.
    Where no cluster could be named but the traffic left the reference, the window as a whole is what is new: `clusters`
    is 0, `share` 1, and `share_low` and `purity` are the share of its images that moved at least.
    """

    n: Annotated[int, Field(ge=1)]
    share: float
    share_low: float
    purity: float
    error_ratio: float
    clusters: int = Field(validation_alias=AliasChoices("clusters", "cells"))  # cells: in older plans

    @property
    def is_whole_window(self) -> bool:
        """No cluster could be named."""
        return self.clusters == 0


class WindowSelection(_Value):
    """What was chosen of the newest images, by digest, before anything was held back or trained on.

    `catalogue`: the name of the one whose version this is, empty for that of 0.1.0. `began`, `ended`: capture times of
    its oldest and newest image, None for an empty window. `holdout`: becomes
    `benchmark_new`, with `holdout_sources` where whole sources were held out; empty where too little traffic came.
    `of_cut_groups`: those of it that have too many copies to hold all of them out; some are trained on.
    `new_kind`: all that was found in the window. `early_stopping`: those of it whose -ELBO is watched; they are not
    trained on either. `segments`: those that the window's images lie in; None where it is all since `began`.
    """

    catalogue: str = ""
    catalogue_version: int
    champion: ServedVersion
    n: int
    began: AwareDatetime | None
    ended: AwareDatetime | None
    segments: tuple[str, ...] | None = None
    holdout: tuple[str, ...] = ()
    holdout_sources: tuple[str, ...] = ()
    of_cut_groups: tuple[str, ...] = ()
    new_kind: tuple[str, ...] = ()
    early_stopping: tuple[str, ...] = ()
    found: NewKindFound | None = None


class PlannedCodePrior(_Value):
    """The prior over codes that the training of a VQ-VAE ends with."""

    config: CodePriorConfig
    recipe: CodePriorRecipe


class TwinsFound(_Value):
    """Copies of held-out images among the others: how many, some of them by name, and where their digests are kept."""

    n: Annotated[int, Field(ge=0)]
    named: tuple[str, ...] = ()
    step: str


class Twins(_Value):
    """Images that are never trained on: each is a re-encoded, resized or brightened copy of a held-out one."""

    digests: tuple[str, ...] = ()


class RetrainPlan(_Value):
    """Everything that a training needs to know, decided before it begins.

    `champion`: what a warm start begins from and what the candidate's parent is. `benchmark_new`: cut from the newest
    window for this plan. `held_back`: prefixes of all sets that were cut from traffic so far, whose images are not
    trained on though their source is. `window_began`: images captured from here on are the window, older ones replay,
    of which `replay_images` are taken at most (None: all). `catalogue`: the name of the one whose version this is,
    empty for that of 0.1.0. Rows whose variance or entropy is below `min_variance` or `min_entropy_bits`, the input
    policy's as the plan was made, are not trained on, `below_policy` of them, unless a person vouched for them.
    `twins`: copies of held-out images, which are not trained on; None in plans of before they were looked for.
    """

    key: str
    tier: Tier
    cause: Cause = "schedule"
    snapshot: str | None = None
    champion: ServedVersion | None = None
    benchmark_new: BenchmarkSet | None = None
    held_back: tuple[str, ...] = ()
    window_began: AwareDatetime | None = None
    replay_images: int | None = None
    found: NewKindFound | None = None
    reason: str
    catalogue: str = ""
    catalogue_version: int
    min_variance: float = 0.0
    min_entropy_bits: float = 0.0
    below_policy: int = 0
    n_training: int
    sources: tuple[str, ...]
    benchmark: BenchmarkSet
    twins: TwinsFound | None = None
    model: ModelConfig
    train: TrainConfig
    code_prior: PlannedCodePrior | None = None
    preprocessing: Preprocessing
    planned_at: AwareDatetime

    @property
    def dataset_version(self) -> str:
        """Names the catalogue and its version on the artifact and in the registry."""
        return f"{self.catalogue}-{self.catalogue_version}" if self.catalogue else str(self.catalogue_version)


class Excluded(_Value):
    """Images of a plan that became another run's hold-out before this one's training began."""

    digests: tuple[str, ...] = ()


class Mixing(_Value):
    """How often images were drawn: `new_share` of all draws showed one of the `new_images` distinct new ones.

    `oversampling`, `replay_weight`: draws of a new image and of any other in an epoch.
    """

    new_images: int
    natural_share: float
    new_share: float
    oversampling: float
    replay_weight: float

    @classmethod
    def of(cls, mixture: Mixture) -> Mixing:
        """What a mixture comes to, without its weights."""
        return cls(**{name: getattr(mixture, name) for name in cls.model_fields if name != "schema_version"})


class CodePriorFitted(_Value):
    """How the prior over codes came about; nats per code of the images that its fit held out, lower is better.

    `before`: with the first weights, the parent's where `warm`. `independent`: of each position's frequencies alone.
    Where known images are drawn again to give a new kind its share, held-out codes were fitted as well: what the prior
    is worth is measured on the reference, see `Evaluated`.
    """

    steps: int
    seconds: float
    warm: bool
    nats_per_code: float
    before: float
    independent: float


class TrainingEvent(_Value):
    """Something of a training that a person may have to act on, as `vae_core.training.health.events` has it."""

    kind: str
    step: int
    detail: str

    @classmethod
    def of(cls, event: TrainEvent) -> TrainingEvent:
        """What of an event is for a person."""
        return cls(kind=str(event.kind), step=event.step, detail=event.detail)


class InformationBounds(_Value):
    """How much a VAE's codes tell of n held-out images after `step` steps: lower ≤ I(x; z) ≤ upper, nats per image.

    The lower bound cannot exceed log n.
    """

    step: int
    lower: float
    upper: float
    n: int

    @classmethod
    def of(cls, point: InformationPoint) -> InformationBounds:
        """What a training measured."""
        return cls(step=point.step, lower=point.lower, upper=point.upper, n=point.n)


class Trained(_Value):
    """Weights and sampling prior of a finished training, in the object store under `prefix`.

    `n_images`: what it was trained on, None in files of before it was kept; `excluded`: planned images that were left
    out, because another run holds them out. `codes_kept`: after a warm start of a VQ-VAE, the share of tokens whose
    code is the parent's. `best_step`: the step of the weights that did best on held-out images, or of the
    snapshot that a suspected training fell back to; None where they are just the last ones. `information`: bounds, in
    their order.
    """

    key: str
    prefix: str
    digest: str
    steps: int
    epochs: float
    seconds: float
    resumed_from_step: int | None
    n_images: int | None = None
    excluded: int = 0
    mixing: Mixing | None = None
    best_step: int | None = None
    stop_reason: str | None = None
    code_prior: CodePriorFitted | None = None
    codes_kept: float | None = None
    events: tuple[TrainingEvent, ...] = ()
    information: tuple[InformationBounds, ...] = ()


class Evaluated(_Value):
    """The complete artifact and where its benchmarks and pictures lie.

    `benchmark_new` is None without such a set. `reference`: which images the reference was measured on, in words;
    `sight`: which drift it will show.
    `code_nats`: of a VQ-VAE, what the prior over codes needs for one code of the reference's images, nats; lower is
    better, and log K is what a prior needs that knows nothing.
    """

    key: str
    digest: str
    artifact: str
    benchmark: str
    benchmark_new: str | None = None
    pictures: str
    reference: str = ""
    code_nats: float | None = None
    sight: str = ""


class ChangeShown(_Value):
    """One paired change against the champion with its 95 % interval, relative."""

    metric: str
    benchmark: Literal["old", "new"]
    value: float
    low: float
    high: float
    n: int


class ChampionMeasured(_Value):
    """The champion on the same sets, and the changes against it: what the card shows beside the candidate."""

    version: str
    benchmark: str
    benchmark_new: str | None
    changes: tuple[ChangeShown, ...]


class Judged(_Value):
    """The gate's verdict and the champion that it speaks of, None for a first version: one step, never two."""

    verdict: Verdict
    champion: ChampionMeasured | None = None


class Registered(_Value):
    """The version that a person can approve."""

    version: str
    url: str
    digest: str
    benchmark: Literal["passed", "failed"]
    reason: str
