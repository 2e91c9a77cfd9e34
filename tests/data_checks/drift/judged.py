"""Judgements and circumstances by name, for the tables of triage."""

from __future__ import annotations

import numpy as np

from data_checks.drift.judge import Judgement
from data_checks.drift.policy import rules_for
from data_checks.drift.triage import Circumstances
from data_checks.drift.triage_facts import Latency
from data_checks.kinds.new_kind import NewKind
from data_checks.verdict import Evidence, Phase, Verdict
from vae_core.families.registry import FAMILIES

SAMPLE_RULES = rules_for(each.name for each in FAMILIES["conv_vae"].columns)

FAILED = "failed"
QUIET = {"new_kind": None, "promoted_s_ago": None, "previous_exists": False, "latency": Latency(12.0, 100.0)}


def judged(image_shift: float = 0.3, latent_ks: float = 0.12, **phases: str) -> Judgement:
    """All rules passed but those named, e.g. recon_error="failed"; reasons are `<rule> is <phase>`."""
    evidence = {
        "latent_code": [_evidence("latent_shift", 0.5, 0.25), _evidence("latent_ks", latent_ks, 0.1)],
        "image_statistics": [
            _evidence("image_mean_shift", 0.1, 0.2),
            _evidence("image_entropy_shift", image_shift, 0.2),
        ],
    }
    names = {**dict.fromkeys(SAMPLE_RULES, "passed"), **phases}
    return Judgement(
        {
            name: Verdict(phase=Phase(phase), reason=f"{name} is {phase}", evidence=tuple(evidence.get(name, ())))
            for name, phase in names.items()
        }
    )


def _evidence(name: str, value: float, limit: float) -> Evidence:
    return Evidence(name=name, value=value, limit=limit, unit="", direction="lower")


def risen(share: float = 0.17, error_ratio: float = 1.8) -> NewKind:
    """Seven clusters that rose."""
    return NewKind(
        indices=np.arange(int(2000 * share)), distinct=int(2000 * share), share=share, share_low=share - 0.04,
        purity=0.9, error_ratio=error_ratio, clusters=7,
    )  # fmt: skip


def circumstances(**changes: object) -> Circumstances:
    """Nothing beside the judgement but these."""
    return Circumstances(**{**QUIET, **changes})  # type: ignore[arg-type]
