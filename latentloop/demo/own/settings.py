"""The demo's installation for somebody's own pictures: what `latentloop init` proposes, and the demo's clocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.settings import Settings
from latentloop.demo.settings import Scale, fresh_home, settle
from latentloop.init.report import InitReport
from latentloop.init.settings_file import Line, write_text
from latentloop.init.story import run_init
from latentloop.init.wishes import Wishes
from latentloop.runs.progress import Say

OWN_FULL = Scale(
    shipment=6_000,
    # of few pictures 180 converge: an emergency then has so little to learn that the trial sees what it blurs first
    training_s=100,
    benchmark=1_000,
    holdout_min=1_000,
    requests=1_000,
    emergency_s=90,
    measured=600,
    watchdog_s=2_700,
    prior_s=45,
)
OWN_QUICK = Scale(
    shipment=4_500,
    training_s=50,
    benchmark=400,
    holdout_min=400,
    requests=400,
    emergency_s=30,
    measured=250,
    watchdog_s=1_500,
    prior_s=10,
    # the smaller reference tells fewer of them from the rest
    season=1_250,
    season_share=0.25,
    # twice the pixels take twice the time of everything
    longest_px=64,
    patience_s=20,
)
SAMPLES = 300
"""Drawn for each evaluation: a code after the other, so that more take minutes at 16 x 16 codes."""
MIN_REFERENCE = 200
"""Images that drift is judged against: of 2,000 pictures no part of the story has the usual 500."""
HEADING = (
    "Written by `latentloop demo --images`: what `latentloop init` proposes for these pictures,",
    "with the demo's clocks, seconds of training and sizes of benchmarks in the place of its own.",
)


@dataclass(frozen=True, slots=True)
class Proposed:
    """What `init` proposed, and the settings with the demo's own on top. `sheet`: its contact sheet, PNG."""

    report: InitReport
    settings: Settings
    sheet: bytes


def own_settings(scale: Scale, place: str, say: Say) -> Proposed:
    """A fresh home with the settings that fit these pictures. InitRefused where nothing can be proposed."""
    home = fresh_home()
    wishes = Wishes(
        place=place, output=home / "proposed.toml", asks=False, trial_s=0.0,
        minutes=None, size=None, channels=None, fit=None, subfolders=None, product=None,
        longest_px=scale.longest_px,
    )  # fmt: skip
    report = run_init(wishes, say, say)
    assert report.contact_sheet is not None, "a folder was looked at"
    lines = {each.name: Line(each.name, each.value, each.why) for each in report.settings}
    lines |= {each.name: each for each in demo_lines(scale)}
    batch = lines["training.full.batch_size"]
    lines["training.emergency.batch_size"] = Line("training.emergency.batch_size", batch.value, batch.why)
    # a table of TOML is written once: its lines stand together
    text = write_text(HEADING, sorted(lines.values(), key=lambda line: line.name.rpartition(".")[0]))
    return Proposed(report, settle(home, text), Path(report.contact_sheet).read_bytes())


def demo_lines(scale: Scale) -> Iterator[Line]:
    """What the demo sets in place of what was proposed, and beside it."""
    yield Line("clock_factor", 0.05, "the compressed day: a canary of 15 s, a watch of 15 s")
    yield Line("delivery.canary_min_s", 300, "before it is compressed")
    yield Line("delivery.watch_s", 300, "before it is compressed")
    yield Line("delivery.canary_share", 0.2, "the fewest answers that are judged come in 1,000 requests, not in 4,000")
    yield Line("serving.capture_segment_s", 2, "what was just sent is learnt from")
    yield Line("controller.dead_run_retry_s", 60, "a run of this demo starts within seconds")
    yield Line("training.clock", "cpu", "the same training beside other load")
    for tier, seconds in (("full", scale.training_s), ("emergency", scale.emergency_s)):
        yield Line(f"training.{tier}.budget.amount", seconds, "of the demo")
        yield Line(f"training.{tier}.budget.unit", "seconds", "of the processor")
        yield Line(f"training.{tier}.seed", 7, "the demo's")
    yield Line("training.emergency.final_learning_rate", 1e-4, "the champion is a minute old: it has more to learn")
    yield Line("training.code_prior.recipe.budget.amount", scale.prior_s, "of the demo")
    yield Line("training.code_prior.recipe.budget.unit", "seconds", "of the processor")
    yield Line("evaluation.n_images", scale.benchmark, "of a benchmark that are used")
    yield Line("evaluation.n_samples", SAMPLES, "drawn one code after the other")
    yield Line("evaluation.holdout_min", scale.holdout_min, "held out at most")
    yield Line("evaluation.holdout_share", 0.3, "of a small catalogue, so that its reference can be judged against")
    yield Line("drift.min_reference", MIN_REFERENCE, "of 2,000 pictures no part has the usual 500")
