"""The unit of a setting that is a number: the end of its name says it, and where it does not, this table does."""

from __future__ import annotations

AMOUNT = "of its unit"
"""A budget says its own unit beside itself."""

_ENDINGS = {
    "s": "_s", "ms": "_ms", "days": "_days", "bytes": "_bytes", "px": "_px _pixels", "bits": "_bits", "nats": "_nats",
    "checks a day": "_checks_a_day", "a day": "_a_day", "images": "_images _per_cluster _per_kind",
    "requests": "_requests", "steps": "_steps", "epochs": "_epochs", "pairs": "_pairs", "answers": "_answers",
    "samples": "_samples",
    "units": "_units", "threads": "_threads", "cycles": "_cycles", "channels": "_widths", "rate": "_rate",
    "ratio": "_ratio _factor", "sd": "_sd _shift", "probability": "_confidence",
    "share": "_share _margin _excess _change _purity _dropout _decay _tolerance _variance",
}  # fmt: skip
"""Units, with how the names end that have them; the longest ending counts."""

_WORDS = {
    "px": "height width",
    "channels": "widths",
    "images": "batch_size batch_max holdout_min min_reference min_received new_images_needed queue_limit shadow_queue "
    "shadow_batch capture_queue",
    "rows": "telemetry_queue telemetry_batch",
    "features": "hidden",
    "dimensions": "latent_dim components",
    "codes": "codebook_size",
    "numbers": "code_dim",
    "values": "fsq_levels max_values",
    "clusters": "clusters",
    "components": "mixture_components",
    "blocks": "depth",
    "heads": "heads",
    "threads": "threads",
    "draws": "max_samples",
    "times": "snapshots",
    "looks": "patience",
    "failures": "canary_failures_to_stop",
    "retrainings": "false_retrains",
    "share": "decay expire_below dropout alpha_spent kind_spread min_rise",
    "probability": "alpha confidence false_alarm_rate",
    "weight": "beta commitment error_weight",
    "rate": "weight_decay",
    "ratio": "first_max_frechet_over_floor",
    "distance": "latent_ks code_histogram inversion_margin",
    "sd": "posterior_rms posterior_max",
    "variance on [0, 1]": "min_variance",
    "MSE on [0, 1]": "recon_error_buckets",
    "length": "clip_norm",
    "port": "port",
    "seed": "seed",
}
"""Units, with the whole names that have them; before the endings."""

_PLACES = {"training.code_prior.width": "channels"}
"""Dotted names, where one word means two things; before the words."""

ENDINGS = {ending: unit for unit, endings in _ENDINGS.items() for ending in endings.split()}
WORDS = {word: unit for unit, words in _WORDS.items() for word in words.split()}


def unit_of(name: str) -> str:
    """The unit of a number by its dotted name; empty where nothing says it."""
    if name.endswith("budget.amount"):
        return AMOUNT
    word = name.rpartition(".")[2]
    if said := _PLACES.get(name) or WORDS.get(word):
        return said
    ending = max((each for each in ENDINGS if word.endswith(each)), key=len, default="")
    return ENDINGS.get(ending, "")
