"""Which judged images come into the catalogue: held sources, benchmarks, duplicates, the table suite, the claim.

Nothing here is durable but the claim, which is the same at every try.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from data_checks.batch import HELD, describe_hold, judge_groups
from deploy.wiring import World
from tasks.intake.judged_rows import suite_frame
from tasks.intake.judging import Group, Judged

if TYPE_CHECKING:
    from data_checks.refusal import Refusal
    from deploy.stores.sql.digests import DigestIndex


def admit(world: World, rows: Sequence[Judged], others: Iterable[Group], index: DigestIndex) -> str:
    """Refuse what must not come in, and claim the digests of the rest; what is held, and why, in one line.

    `others`: the groups of images of the same segments that are not among the rows: they count as received.
    """
    received = Counter(others) + Counter(each.group for each in rows)
    refused = count_refused(rows)
    refuse_known(rows, index)
    table_failed = _run_suite(world, rows)
    for group, counts in count_refused(each for each in rows if each.refusal == "suite").items():
        refused[group].update(counts)
    held = _hold(world, rows, received, refused, table_failed)
    claim(rows, index)
    return held


def count_refused(rows: Iterable[Judged]) -> dict[Group, Counter[Refusal]]:
    """Refused images of each group by reason."""
    from data_checks.refusal import Refusal

    counts: dict[Group, Counter[Refusal]] = defaultdict(Counter)
    for each in rows:
        if each.refusal is not None:
            counts[each.group][Refusal(each.refusal)] += 1
    return counts


def refuse_known(rows: Sequence[Judged], index: DigestIndex) -> None:
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


def claim(rows: Sequence[Judged], index: DigestIndex) -> None:
    """Only what passed everything takes its digest; another ingest at the same time may have been faster.

    Where it claimed the digest for a twin in this very batch, the twin is the one to keep: refusing both would lose
    the image.
    """
    passed = [each for each in rows if each.refusal is None]
    mine = index.claim([each.digest or "" for each in passed], [each.owner for each in passed])
    lost = [each for each, first in zip(passed, mine, strict=True) if not first]
    if not lost:
        return
    holders, by_owner = index.owners([each.digest or "" for each in lost]), {each.owner: each for each in rows}
    for each in lost:
        _refuse_duplicate(each)
        holder = by_owner.get(holders[each.digest or ""])
        if holder is not None and holder.refusal == "duplicate":
            holder.refusal, holder.detail = None, ""


def batch_name(segments: Iterable[str]) -> str:
    """A short name for segments that were judged together."""
    return hashlib.sha256("\n".join(sorted(segments)).encode()).hexdigest()[:32]


def _hold(
    world: World,
    rows: Sequence[Judged],
    received: Counter[Group],
    refused: dict[Group, Counter[Refusal]],
    table_failed: str,
) -> str:
    """Hold the passed images of the groups of which too many were refused; of all, where the table itself is wrong."""
    verdicts = judge_groups(received, refused, world.settings.input_policy)
    reasons = {
        group: f"{group[1]} ({group[0]}): {describe_hold(verdict)}"
        for group, verdict in verdicts.items()
        if verdict.failed
    }
    for each in rows if table_failed or reasons else ():
        if each.refusal is None and (reason := table_failed or reasons.get(each.group)):
            each.refusal, each.detail = HELD, reason
    return table_failed or "; ".join(reasons[group] for group in sorted(reasons))


def _run_suite(world: World, rows: Sequence[Judged]) -> str:
    """Great Expectations over the table of what passed; failing rows are refused, its document is kept.

    What failed of the table as a whole, or nothing.
    """
    from data_checks.table.suite import judge_table

    passed = [each for each in rows if each.refusal is None]
    result = judge_table(suite_frame(passed), world.settings.input_policy, world.settings.preprocessing)
    for position, expectation in result.failed_rows.items():
        passed[position].refusal = "suite"
        passed[position].detail = f"the table suite expected {expectation}"
    name = batch_name({each.segment for each in rows})
    world.objects.put(f"ingest/{name}/suite.json", json.dumps(result.document, indent=1).encode())
    return result.table_failed


def _refuse_duplicate(row: Judged) -> None:
    row.refusal, row.detail = "duplicate", f"image {row.digest} was accepted before: nothing to do"
