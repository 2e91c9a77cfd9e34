"""Ingestion: captured segments in, catalogue and quarantine out, each row exactly once.

Killed anywhere and run again, the end state is the same: a digest belongs to the row that claimed it first, each table
takes a segment once, and the ledger line of a segment has a unique key.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.context import engine, now, objects, settings
from tasks.values import IngestCounts

if TYPE_CHECKING:
    import numpy as np

    from data_checks.input_gate import GateResult
    from data_checks.verdict import Verdict
    from deploy.stores.captures import CapturedImage
    from deploy.stores.catalogue import Catalogue, CatalogueRow, QuarantineRow
    from deploy.stores.digests import DigestIndex

SEGMENTS_AT_ONCE = 16  # 16,000 images: one Great Expectations run and one commit a table


@dataclass(slots=True)
class _Row:
    """An image on its way through ingestion; `refusal` is set by whoever refuses it first."""

    segment: str
    row: int
    captured: CapturedImage
    gate: GateResult
    digest: str | None
    refusal: str | None
    detail: str

    @property
    def owner(self) -> str:
        """Names the row in the digest index, the same at every try."""
        return f"{self.segment}:{self.row}"


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
def find_new_segments() -> list[list[str]]:
    """Keys of the segments that are not in both tables yet, in order, in chunks that are committed together."""
    from deploy.stores.captures import CaptureStore

    catalogue = settings().open_catalogue()
    done = catalogue.committed_segments("catalogue") & catalogue.committed_segments("quarantine")
    fresh = sorted(set(CaptureStore(objects()).segments()) - done)
    return [fresh[start : start + SEGMENTS_AT_ONCE] for start in range(0, len(fresh), SEGMENTS_AT_ONCE)]


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
def ingest_segments(segments: Sequence[str]) -> IngestCounts:
    """Judge every image of these segments; accepted rows to the catalogue, refused ones to quarantine."""
    from data_checks.batch import judge_refused_shares
    from data_checks.refusal import Refusal
    from deploy.stores.digests import DigestIndex
    from deploy.stores.ledger import Ledger

    policy = settings().input_policy
    rows, unreadable = _read_and_judge(segments)
    readable = [each for each in segments if each not in unreadable]
    refused = Counter(Refusal(each.refusal) for each in rows if each.refusal is not None)
    shares = judge_refused_shares(refused, len(rows), policy)
    index = DigestIndex(engine())
    _refuse_known(rows, index)
    suite = _run_suite(rows)
    held = "; ".join(each.reason for each in (shares, suite) if each.failed)
    if held:
        for each in rows:
            if each.refusal is None:
                each.refusal, each.detail = "batch_held", held
    _claim(rows, index)
    catalogue = settings().open_catalogue()
    fresh = catalogue.append_quarantined([_quarantine_row(each) for each in rows if each.refusal], readable)
    _abide_by_quarantine(rows, set(readable) - set(fresh), catalogue)
    ledger = Ledger(engine())
    for segment in readable:
        mine = [each for each in rows if each.segment == segment]
        counts = _count(mine, 1, held)
        ledger.record("ingest", segment, counts.model_dump_json(), now(), key=f"ingest:{segment}")
    for segment, problem in unreadable.items():
        body = json.dumps({"reason": problem})
        ledger.record("ingest-unreadable", segment, body, now(), key=f"ingest-unreadable:{segment}")
    if held:
        body = json.dumps({"reason": held, "segments": list(segments)})
        ledger.record("ingest-held", segments[0], body, now(), key=f"ingest-held:{_batch_name(segments)}")
    # last: a segment in both tables is not looked at again, so its ledger lines must be there by then
    catalogue.append_accepted([_catalogue_row(each) for each in rows if not each.refusal], readable)
    return _count(rows, len(readable), held)


@task(cache_policy=NO_CACHE)
def report_ingest(chunks: Sequence[IngestCounts]) -> IngestCounts:
    """The sum over all chunks, as a table in Prefect's UI."""
    from prefect.artifacts import create_table_artifact

    reasons: Counter[str] = Counter()
    for each in chunks:
        reasons.update(each.reasons)
    total = IngestCounts(
        segments=sum(each.segments for each in chunks),
        received=sum(each.received for each in chunks),
        accepted=sum(each.accepted for each in chunks),
        quarantined=sum(each.quarantined for each in chunks),
        reasons=dict(reasons.most_common()),
        held="; ".join(each.held for each in chunks if each.held),
        catalogue_version=settings().open_catalogue().version(),
    )
    if total.received:
        table = [{"what": "accepted", "images": total.accepted}]
        table += [{"what": f"quarantined: {reason}", "images": count} for reason, count in total.reasons.items()]
        create_table_artifact(table, key="ingest", description=total.held or "accepted + quarantined = received")
    return total


def _read_and_judge(segments: Sequence[str]) -> tuple[list[_Row], dict[str, str]]:
    from data_checks.batch import judge_batch
    from deploy.stores.captures import CaptureStore
    from deploy.stores.errors import StoreCorrupt
    from vae_core.preprocessing import pixel_digest

    captures, rows, unreadable = CaptureStore(objects()), [], {}
    reference = _reference_histogram()
    for segment in segments:
        try:
            images = captures.read(segment)
        except StoreCorrupt as error:  # one broken file must not stop the others; it stays pending and on record
            unreadable[segment] = str(error)
            continue
        judged = judge_batch(
            [(each.name, each.source, each.data) for each in images],
            settings().preprocessing,
            settings().input_policy,
            reference,
        )
        for number, (image, result) in enumerate(zip(images, judged.results, strict=True)):
            digest = pixel_digest(result.pixels) if result.pixels is not None else None
            refusal = result.refusal.value if result.refusal is not None else None
            rows.append(_Row(segment, number, image, result, digest, refusal, result.detail))
    return rows, unreadable


def _reference_histogram() -> np.ndarray | None:
    """The champion's: the gate that answers requests must not know more than the one that admits training data."""
    from deploy.stores.artifacts import fetch_tensors
    from deploy.stores.release import ReleaseStore

    champion = ReleaseStore(engine()).read().champion
    if champion is None:
        return None
    tensors = fetch_tensors(objects(), champion.artifact, champion.digest, "reference.safetensors")
    return tensors["histogram"].numpy()


def _refuse_known(rows: Sequence[_Row], index: DigestIndex) -> None:
    """Images of a benchmark must not be trained on, and an image is accepted once."""
    passed = [each for each in rows if each.refusal is None]
    digests = [each.digest or "" for each in passed]
    protected, owners = index.protected(digests), index.owners(digests)
    for each in passed:
        assert each.digest is not None
        if each.digest in protected:
            each.refusal, each.detail = "leakage", f"image {each.digest} belongs to a benchmark: it is never trained on"
        elif owners.setdefault(each.digest, each.owner) != each.owner:
            _refuse_duplicate(each)


def _claim(rows: Sequence[_Row], index: DigestIndex) -> None:
    """Only what passed everything takes its digest; another ingest at the same time may have been faster.

    Where it claimed the digest for a twin in this very batch, the twin is the one to keep: refusing both would lose
    the image.
    """
    passed = [each for each in rows if each.refusal is None]
    mine = index.claim([each.digest or "" for each in passed], [each.owner for each in passed])
    lost = [each for each, first in zip(passed, mine, strict=True) if not first]
    holders, by_owner = index.owners([each.digest or "" for each in lost]), {each.owner: each for each in rows}
    for each in lost:
        _refuse_duplicate(each)
        holder = by_owner.get(holders[each.digest or ""])
        if holder is not None and holder.refusal == "duplicate":
            holder.refusal, holder.detail = None, ""


def _abide_by_quarantine(rows: Sequence[_Row], settled: set[str], catalogue: Catalogue) -> None:
    """The commit to quarantine decides a segment: whoever finds it made accepts exactly the rows that are not in it.

    It was made before a kill, or by a faster ingest, perhaps beside other segments, so that another share of the batch
    was refused or another row was the duplicate.
    """
    if not settled:
        return
    table = catalogue.read(["segment", "row", "reason", "detail"], table="quarantine")
    refused = {(row["segment"], row["row"]): (row["reason"], row["detail"]) for row in table.to_pylist()}
    for each in rows:
        if each.segment in settled:
            each.refusal, each.detail = refused.get((each.segment, each.row), (None, ""))


def _refuse_duplicate(row: _Row) -> None:
    row.refusal, row.detail = "duplicate", f"image {row.digest} was accepted before: nothing to do"


def _run_suite(rows: Sequence[_Row]) -> Verdict:
    """Great Expectations over the table of what passed; failing rows are refused, its document is kept."""
    import pandas as pd

    from data_checks.table_suite import COLUMNS, judge_table

    passed = [each for each in rows if each.refusal is None]
    frame = pd.DataFrame([_table_row(each) for each in passed], columns=list(COLUMNS))
    result = judge_table(frame, settings().input_policy, settings().preprocessing)
    for position, expectation in result.failed_rows.items():
        passed[position].refusal = "suite"
        passed[position].detail = f"the table suite expected {expectation}"
    name = _batch_name({each.segment for each in rows})
    objects().put(f"ingest/{name}/suite.json", json.dumps(result.document, indent=1).encode())
    return result.verdict


def _batch_name(segments: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(segments)).encode()).hexdigest()[:32]


def _table_row(each: _Row) -> tuple[object, ...]:
    assert each.gate.pixels is not None and each.gate.statistics is not None
    channels, height, width = each.gate.pixels.shape
    statistics = each.gate.statistics
    return (
        each.digest, each.captured.source, each.segment, each.row, width, height, channels,
        statistics.mean, statistics.variance, statistics.entropy_bits,
    )  # fmt: skip


def _catalogue_row(each: _Row) -> CatalogueRow:
    from deploy.stores.catalogue import CatalogueRow

    assert each.gate.pixels is not None and each.gate.statistics is not None and each.digest is not None
    channels, height, width = each.gate.pixels.shape
    return CatalogueRow(
        digest=each.digest,
        source=each.captured.source,
        segment=each.segment,
        row=each.row,
        captured_at=each.captured.captured_at,
        name=each.captured.name,
        width=width,
        height=height,
        channels=channels,
        mean=each.gate.statistics.mean,
        variance=each.gate.statistics.variance,
        entropy_bits=each.gate.statistics.entropy_bits,
        image=each.captured.data,
    )


def _quarantine_row(each: _Row) -> QuarantineRow:
    from deploy.stores.catalogue import QuarantineRow

    assert each.refusal is not None
    return QuarantineRow(
        source=each.captured.source,
        segment=each.segment,
        row=each.row,
        captured_at=each.captured.captured_at,
        name=each.captured.name,
        reason=each.refusal,
        detail=each.detail,
        digest=each.digest,
        image=each.captured.data,
    )


def _count(rows: Sequence[_Row], segments: int, held: str) -> IngestCounts:
    reasons = Counter(each.refusal for each in rows if each.refusal is not None)
    return IngestCounts(
        segments=segments,
        received=len(rows),
        accepted=len(rows) - reasons.total(),
        quarantined=reasons.total(),
        reasons=dict(reasons.most_common()),
        held=held,
    )
