"""What `latentloop ingest` says at its end: one sentence with every file in it, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from data_checks.batch import HELD, SHARE_SETTING, find_least_share
from data_checks.refusal import Refusal
from deploy.shown_time import show_time
from deploy.stores.catalogue_rows import LABEL_DIFFERS
from latentloop.ingesting.folder_counts import FolderCounts

_SHOWN = 5
_RELEASE = f'`latentloop quarantine release {HELD} --reason "why they are good"` takes them in, on record'


def say_counts(counts: FolderCounts, zone: str | None) -> list[str]:
    """The lines for a person, the sum first; times in this zone."""
    lines = [_sum(counts)]
    if counts.known:
        on = f" on {show_time(counts.judged_at, zone)}" if counts.judged_at is not None else ""
        lines.append(f"already ingested with these settings{on}: nothing was judged anew")
    if counts.gone:
        lines.append(f"{counts.gone:,} of them are no longer there, or not as they were when they were ingested")
    if counts.left_out:
        left = "; ".join(f"{named.count:,} {why} ({named})" for why, named in counts.left_out.items())
        lines.append(f"left out: {left}")
    if counts.tables:
        lines.append(f"{counts.tables} read as labels; {counts.unlabelled:,} images have no row")
    if counts.labelled:
        lines.append(f"labelled: {counts.labelled:,} images of the catalogue had no label, and have one now")
    if differing := counts.reasons.get(LABEL_DIFFERS):
        lines.append(f"{differing:,} images have another label in the catalogue: a label is never changed silently")
    lines += _say_held(counts)
    if counts.colours.unlike:
        odd = counts.colours
        lines.append(
            f"colours: {odd.odd:,} of {odd.compared:,} pictures are coloured as hardly any of the catalogue's "
            f"({', '.join(odd.named)}, …): a cast, red and blue swapped, or another kind of picture; nothing is "
            "refused for it"
        )
    return lines + _say_refused(counts)


def _sum(counts: FolderCounts) -> str:
    labelled = f"{counts.labelled:,} labelled, " if counts.labelled else ""
    ignored = f" ({_listed(counts.ignored_endings)})" if counts.ignored else ""
    held = counts.reasons.get(HELD, 0)  # nothing is wrong with these
    refused = f"{counts.refused - held:,} refused" + (f", {held:,} held" if held else "")
    return (
        f"{say_taken_in(counts.accepted, counts.converted)}, {labelled}{refused}, "
        f"{counts.ignored:,} ignored{ignored}, of {counts.received:,} received"
    )


def say_taken_in(accepted: int, converted: int) -> str:
    """What came into the catalogue as one number: who reads `0 accepted` first believes that nothing did.

    >>> say_taken_in(14, 1_600)
    '1,614 taken in (1,600 converted, 14 as they were)'
    """
    parts = [f"{number:,} {how}" for number, how in ((converted, "converted"), (accepted, "as they were")) if number]
    return f"{accepted + converted:,} taken in" + (f" ({', '.join(parts)})" if parts else "")


def _say_held(counts: FolderCounts) -> list[str]:
    """What became of good pictures beside too many refused ones, why, and the ways on."""
    number = counts.reasons.get(HELD, 0)
    if not number:
        return []
    are = "1 good picture waits" if number == 1 else f"{number:,} good pictures wait"
    of_shares = [each for each in counts.held if SHARE_SETTING in each]
    why = "too many others of their source were refused" if of_shares else "the table of this batch is wrong as a whole"
    lines = [f"held: {are} in quarantine and nothing is lost: {why}"]
    lines += [f"  {each}" for each in counts.held[:_SHOWN]]
    if len(counts.held) > _SHOWN:
        lines.append(f"  and {len(counts.held) - _SHOWN:,} more batches")
    if not of_shares:
        return [*lines, f"  {_RELEASE}"]
    lines += [
        "  look at the refused ones: `latentloop quarantine list`, then take one of these ways:",
        f"  - the held ones are good: {_RELEASE}",
        "  - the refused ones are good too: set what that list names in latentloop.toml, then "
        "`latentloop quarantine rejudge`",
    ]
    if share := find_least_share(of_shares):
        lines.append(
            f"  - so many refused are usual here: set `{SHARE_SETTING} = {share:g}` in latentloop.toml, then "
            "`latentloop quarantine rejudge`"
        )
    return lines


def _say_refused(counts: FolderCounts) -> list[str]:
    if not counts.refused:
        return []
    of_refused = {name: number for name, number in counts.reasons.items() if name != HELD}
    lines = [f"refused: {_listed(of_refused)}"] if of_refused else []
    if counts.too_large.count:
        lines.append(f"too large to be read ({Refusal.too_many_bytes}): {counts.too_large}")
    lines.append("look at them: `latentloop quarantine list` shows each with its reason and the remedy")
    if counts.mostly_refused:
        lines.append("more than half of what could be an image is not in the catalogue: exit code 3")
    return lines


def _listed(counts: Mapping[str, int]) -> str:
    most = sorted(counts.items(), key=lambda each: -each[1])
    more = f", {len(most) - _SHOWN} more kinds" if len(most) > _SHOWN else ""
    return ", ".join(f"{name} {number:,}" for name, number in most[:_SHOWN]) + more
