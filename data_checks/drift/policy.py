"""The numbers of drift: how often it may err, which change matters, and when a change asks for which action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field

from data_checks.waiting_time import WaitingTime, compress

ANSWERED_RULES: Mapping[str, str | None] = {
    "latent_code": None,
    "recon_error": None,
    "recon_error_tail": None,
    "kl": "kl",
    "aggregated_posterior": "logvar",
    "code_distance": "code_distance",
    "code_histogram": "codes",
    "image_statistics": None,
    "norm_tail": None,
}
"""The judges of answered images, and the column of scores that each needs where not every family has it."""


def rules_for(own: Iterable[str]) -> tuple[str, ...]:
    """The judges of answered images that apply where a family has these columns."""
    names = set(own)
    return tuple(rule for rule, needed in ANSWERED_RULES.items() if needed is None or needed in names)


class DriftPolicy(BaseModel):
    """How often drift may err, and which change matters; shares on 0 to 1, times in s before they are compressed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    false_retrains: float = Field(1.0, gt=0, description="allowed in `budget_days` over all rules; our choice")
    budget_days: float = Field(90.0, gt=0, description="over which `false_retrains` are counted")
    design_share: float = Field(0.8, gt=0, le=1, description="of the budget that the levels use; the rest is margin")
    scheduled_checks_a_day: float = Field(24.0, ge=0, description="monitor runs by the clock: hourly")
    screenings_a_day: float = Field(
        2_000.0,
        gt=0,
        description="looks: one every 500 requests at a million requests a day; each may start a monitor run",
    )
    suspicions_a_day: float = Field(
        1.0, gt=0, description="false ones of the screening; each costs one monitor run and no retrain"
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="one-sided, of the bounds that let a judge pass")

    window_images: int = Field(2_000, ge=500, description="newest answered images that are judged at most")
    screening_every_requests: int = Field(500, ge=1, description="requests between two screenings")
    screening_every_s: WaitingTime = Field(
        300.0, gt=0, description="s, or sooner by requests; at least `min_images` must be new"
    )
    min_images: int = Field(500, ge=100, description="distinct images; below it nothing is judged")
    min_reference: int = Field(
        500,
        ge=200,
        description="fewest images of the reference; a version's first traffic completes one that has fewer",
    )
    posterior_min_images: int = Field(
        2_000, ge=100, description="fewest for the aggregated posterior; below 1,000 it fires by itself"
    )

    latent_shift: float = Field(
        0.25,
        gt=0,
        description="Mahalanobis length of the mean's shift, reference sd; Fashion-MNIST without sandals and bags: "
        "0.57 at 17 % of them, 0.16 at 5 %",
    )
    latent_ks: float = Field(0.1, gt=0, lt=1, description="KS distance of one dimension: at least that share moved")
    error_change: float = Field(0.1, gt=0, description="share by which the geometric mean of recon_error may rise")
    tail_excess: float = Field(0.02, gt=0, lt=1, description="share above the reference's p99 beyond its own 1 %")
    kl_change: float = Field(0.1, gt=0, description="share by which the geometric mean of the KL may move")
    code_distance_change: float = Field(
        0.1, gt=0, description="share by which the geometric mean of the distance from the codes may move"
    )
    code_histogram: float = Field(
        0.03,
        gt=0,
        lt=1,
        description="Jensen-Shannon distance of the frequencies of codes, root of bits; Fashion-MNIST without sandals "
        "and bags, windows of 2,000: up to 0.015 without drift, 0.023 at 10 % of them, 0.05 at 20 %, 0.09 at 40 %",
    )
    posterior_rms: float = Field(
        0.15, gt=0, description="RMS over dimensions of mean shift (reference sd) and variance change (share)"
    )
    posterior_max: float = Field(0.4, gt=0, description="the same, the largest; literally 0.1 and 0.2, which fires")
    norm_tail_excess: float = Field(0.01, gt=0, lt=1, description="share above the reference's p99.9 beyond its 0.1 %")
    image_shift: float = Field(
        0.3,
        gt=0,
        description="mean shift of an image statistic, reference sd; Fashion-MNIST: 17 % new kinds 0.08, one class "
        "trebled 0.21, 15 % brighter 0.61",
    )
    max_refused_share: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="of a window of traffic, per reason; above it the monitor says `block`; the field's 1 %, tested as "
        "a rate. It follows `input_policy.max_refused_share`, which holds a batch at the ingest",
    )
    min_received: int = Field(100, ge=1, description="images, answered or refused, to judge a refused share on")

    known_error_ratio: float = Field(
        1.1, ge=1, description="error of risen clusters over the reference's up to which they count as known kinds"
    )
    kind_image_shift: float = Field(
        2.5,
        gt=0,
        description="reference sd by which a new kind's own image statistics may differ; a shift of the traffic beyond "
        "share x this is a sensor's (Fashion-MNIST: its own kinds up to 1.1, foreign ones up to 2.0)",
    )
    kind_spread: float = Field(
        0.5,
        gt=0,
        description="clusters of the reference over which the images of a new kind may lie, share of those over which "
        "the reference's own do (new kinds and pairs: Fashion-MNIST up to 0.28, digits up to 0.48; a hot corner 0.8)",
    )
    rest_image_shift: float = Field(
        0.5,
        gt=0,
        description="reference sd by which the images outside of risen clusters may move beside a new kind, of which "
        "some are always missed (measured: new kinds up to 0.35; a fault of all images mostly 0.5 to 2)",
    )
    rest_images: int = Field(50, ge=1, description="outside of risen clusters; fewer tell nothing of the known kinds")
    full_share: float = Field(0.5, gt=0, lt=1, description="of the traffic; above it an emergency becomes full")
    new_images_needed: int = Field(
        800,
        ge=1,
        description="captured before a retrain: 88 % are found, 500 of them stay to train on",
    )
    recent_promotion_s: WaitingTime = Field(24 * 3600.0, ge=0, description="s in which a regression is the promotion's")
    cooldown_s: WaitingTime = Field(6 * 3600.0, ge=0, description="s between two retraining actions for one version")
    suspicion_pause_s: WaitingTime = Field(
        900.0, ge=0, description="s to the next suspicion after one that the monitor found nothing to do about yet"
    )

    images_within_s: WaitingTime = Field(
        7 * 24 * 3600.0,
        gt=0,
        description="s that a retraining waits for the images of its new kind; one that does not come within a week is "
        "no emergency: the monitor judges anew",
    )

    def needed_reference(self, dimensions: int) -> int:
        """Images without which nothing is judged of codes of so many dimensions."""
        return max(self.min_reference, dimensions + 2)

    @property
    def family_level(self) -> float:
        """False alarm probability of one check over all rules together."""
        checks = self.budget_days * (self.scheduled_checks_a_day + self.screenings_a_day)
        return min(0.5, self.design_share * self.false_retrains / checks)

    def rule_level(self, own: Iterable[str]) -> float:
        """False alarm probability of one rule in one check, where a family has these columns.

        Bonferroni over the judges that apply, and the refusals as one more.
        """
        return self.family_level / (len(rules_for(own)) + 1)

    @property
    def screening_level(self) -> float:
        """False alarm probability of one look of the screening."""
        return min(0.5, self.suspicions_a_day / self.screenings_a_day)

    def compressed(self, clock_factor: float) -> DriftPolicy:
        """Shorter waiting; levels, counts and effect sizes stay."""
        return compress(self, clock_factor)
