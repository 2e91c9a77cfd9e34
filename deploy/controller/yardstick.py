"""What the champion's traffic is judged against: its reference, completed by its first traffic where it is too small.

A reference of fewer images than the rules need is joined by the first different images that the champion answered. What
has joined is not judged itself. Once complete it is kept in the object store under the version's digest, so that every
process judges against the same images from then on. What had moved before the first request cannot be seen that way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from data_checks.drift.policy import DriftPolicy
from data_checks.sample import Sample
from deploy.record.traffic import read_reference, sample_of
from deploy.release import ServedVersion
from deploy.stores.errors import ObjectMissing, PreconditionFailed
from deploy.stores.objects.port import ObjectStore
from deploy.stores.sql.telemetry import Telemetry

MOST_ROWS = 10_000
"""Of the first requests, among which the different images are looked for."""
_ENDED = "ended_us"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Yardstick:
    """`sample`: `own` images that travel with the version, then those of its traffic; `needed`: as many as rules need.

    Traffic from `since` on is judged.
    """

    sample: Sample
    own: int
    needed: int
    since: datetime

    @property
    def complete(self) -> bool:
        """Whether there is enough to judge against."""
        return len(self.sample) >= self.needed


def read_yardstick(
    objects: ObjectStore,
    telemetry: Telemetry,
    served: ServedVersion,
    since: datetime,
    until: datetime,
    policy: DriftPolicy,
) -> Yardstick | None:
    """The yardstick of a version that serves `since`, by its traffic before `until`; None where it has no reference."""
    reference = read_reference(objects, served)
    if reference is None:
        return None
    own, needed = len(reference), policy.needed_reference(reference.latent_dim)
    if own >= needed:
        return Yardstick(reference, own, needed, since)
    key = f"references/{served.digest}-{needed}.safetensors"
    try:
        first, ended = _unpack(objects.get(key).data)
    except ObjectMissing:
        first, ended = _first_images(telemetry, served.version, since, until, needed - own)
        if own + len(first) < needed or not first.of_one_model(reference):
            whole = reference.joined(first) if first.of_one_model(reference) else reference
            return Yardstick(whole, own, needed, since)
        try:
            objects.put(key, _pack(first, ended), if_absent=True)
        except PreconditionFailed:  # another process was quicker, and its choice holds
            first, ended = _unpack(objects.get(key).data)
    return Yardstick(reference.joined(first), own, needed, max(since, ended))


def _first_images(
    telemetry: Telemetry, version: str, since: datetime, until: datetime, count: int
) -> tuple[Sample, datetime]:
    """At most `count` different answered images, the first ones, and the moment after the last of them."""
    found = telemetry.window(since, until, MOST_ROWS, version=version, first=True)
    told = np.flatnonzero((found.refusal == "") & (found.image_digest != 0))
    rows = told[np.sort(np.unique(found.image_digest[told], return_index=True)[1])][:count]
    ended = found.at[rows[-1]].astype(datetime).replace(tzinfo=UTC) if len(rows) else since
    return sample_of(found, rows), ended + timedelta(microseconds=1)


def _pack(sample: Sample, ended: datetime) -> bytes:
    from safetensors.numpy import save

    columns = {name: np.ascontiguousarray(column) for name, column in sample.columns().items()}
    packed: bytes = save({**columns, _ENDED: np.array([(ended - _EPOCH) // timedelta(microseconds=1)])})
    return packed


def _unpack(data: bytes) -> tuple[Sample, datetime]:
    from safetensors.numpy import load

    columns: dict[str, Any] = load(data)
    ended = _EPOCH + timedelta(microseconds=int(columns.pop(_ENDED)[0]))
    return Sample.from_columns(columns), ended
