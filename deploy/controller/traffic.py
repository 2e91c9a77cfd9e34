"""The champion's traffic and what it was accepted on, as the drift judges want them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from data_checks.drift.window import Window
from data_checks.sample import Sample
from deploy.delivery.history import Fate
from deploy.release import Release, ServedVersion
from deploy.stores.artifacts import fetch_tensors
from deploy.stores.errors import ObjectMissing, StoreCorrupt
from deploy.stores.objects import ObjectStore
from deploy.stores.telemetry import Telemetry

_COLUMNS = ("recon_error", "norm", "image_mean", "image_variance", "image_entropy", "image_digest")


def serving_since(release: Release, fates: Mapping[str, Fate]) -> datetime | None:
    """Since when the champion serves without a break; after a rollback that is the rollback."""
    if release.champion is None:
        return None
    fate = fates.get(release.champion.version)
    return fate.at if fate is not None and fate.delivery == "promoted" else release.changed_at


def read_window(telemetry: Telemetry, version: str, since: datetime, until: datetime, rows: int) -> Window:
    """The newest `rows` images that came to one version, the refused ones counted by reason."""
    found = telemetry.window(since, until, rows, version=version)
    answered = found.refusal == ""
    columns: dict[str, Any] = {name: getattr(found, name)[answered] for name in _COLUMNS}
    if found.codes.shape[1]:
        columns |= {"codes": found.codes[answered], "code_distance": found.code_distance[answered]}
    else:
        columns |= {"logvar": found.logvar[answered].astype(np.float32), "kl": found.kl[answered]}
    sample = Sample(mu=found.mu[answered].astype(np.float32), **columns)
    refused = Counter(str(each) for each in found.refusal[~answered])
    return Window(sample=sample, refused=dict(refused), received=len(found))


def read_reference(objects: ObjectStore, served: ServedVersion) -> Sample | None:
    """The reference that travels with the version; None where it has none that can be read."""
    from vae_core.errors import ArtifactError
    from vae_core.reference import Reference

    try:
        found = Reference.from_tensors(fetch_tensors(objects, served.artifact, served.digest, "reference.safetensors"))
    except (ObjectMissing, StoreCorrupt, ArtifactError):
        return None
    return Sample.of(found)
