"""Tags and aliases of the registry follow the release row, whoever moved it; only a person's `approval` decides.

What happened is told once. An approval ends with the trial that it was given for: the tag `approval` of a version that
was taken back goes to `pending` again (never to anything else), so that approving it again is something that can be
seen, by a click as by a command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data_checks.shown_text import shorten
from deploy.delivery.history import Fate
from deploy.delivery.next_step import say_next, say_promoted
from deploy.delivery.steps import Candidate
from deploy.record.taken_back import read_taken_back
from deploy.release import Release, ServedVersion
from deploy.stores.mlflow.registry import APPROVED, PENDING, RegisteredVersion, Registry
from deploy.stores.sql.ledger import Ledger

MIRRORED = "delivery_epoch"  # tag: the release up to which the tag `delivery` was told what happened
ENDED = "approval_ended"  # tag: the release that ended the approval before
LONGEST = 500  # characters of a tag: MLflow shows it in one cell of a table


def mirror_fates(
    registry: Registry,
    versions: list[RegisteredVersion],
    fates: Mapping[str, Fate],
    ledger: Ledger,
    release: Release,
) -> None:
    """Tell what was not told yet; a controller that was killed between row and tags mends them here.

    What can be done with a version that was promoted changes with those that follow it: it is told again then.
    """
    for each in versions:
        fate = fates.get(each.digest)
        if fate is None:
            continue
        if not is_mirrored(each, fate):
            set_tags(registry, each.version, _told(each, fate, ledger, release))
        elif fate.delivery == "promoted":
            said = say_promoted(each.version, each.digest, release)
            if each.tags.get("next_step") != said:
                registry.set_tag(each.version, "next_step", said)


def mirror_benchmarks(registry: Registry, candidates: Sequence[Candidate]) -> None:
    """The tag `benchmark` shows what is on record of the gate, whatever somebody wrote into it."""
    for each in candidates:
        if each.benchmark is not None and each.shown != each.benchmark:
            registry.set_tag(each.version, "benchmark", each.benchmark)


def mirror_aliases(release: Release, registry: Registry, registered: Mapping[str, str]) -> None:
    """Aliases show what the row says; they decide nothing. `registered`: number -> digest, as the registry has them.

    A version that somebody deleted has none, and serves on; nor has another model that bears its number.
    """
    for name in ("champion", "previous"):
        wanted, found = _bearer(getattr(release, name), registered), registry.alias(name)
        if wanted is None:
            if found is not None:
                registry.delete_alias(name)
        elif found != wanted:
            registry.set_alias(name, wanted)


def _bearer(served: ServedVersion | None, registered: Mapping[str, str]) -> str | None:
    """The number of what serves: the release's own, else the newest under which the same model was registered again."""
    if served is None or registered.get(served.version) == served.digest:
        return None if served is None else served.version
    return max((number for number, digest in registered.items() if digest == served.digest), key=int, default=None)


def is_mirrored(version: RegisteredVersion, fate: Fate) -> bool:
    """Whether the tags know of it; those of an older release of Latentloop do not know that an approval ended."""
    told = version.tags.get(MIRRORED) == str(fate.epoch)
    return told and (fate.delivery != "rolled_back" or version.tags.get(ENDED) == str(fate.epoch))


def is_approved_again(version: RegisteredVersion, fate: Fate | None) -> bool:
    """Whether a person approved it since it was taken back; `fate`: None where no recent release tells of it."""
    ended = version.tags.get(ENDED, "")
    if version.approval != APPROVED or version.tags.get("delivery") != "rolled_back" or not ended:
        return False
    return ended == (version.tags.get(MIRRORED) if fate is None else str(fate.epoch))


def set_tags(registry: Registry, version: str, tags: Mapping[str, str]) -> None:
    """Several tags, one after the other."""
    for name, value in tags.items():
        registry.set_tag(version, name, shorten(value, LONGEST))


def _told(version: RegisteredVersion, fate: Fate, ledger: Ledger, release: Release) -> dict[str, str]:
    """The tags in the order in which they are set: the mark last, a version that has it is not looked at again."""
    ended: dict[str, str] = {}
    cause = None
    if fate.delivery == "rolled_back":
        found = read_taken_back(ledger, version.version, version.digest, fate)
        cause = found.cause if found is not None else None
        spent = {"approval": PENDING} if version.approval == APPROVED else {}
        ended = {**spent, ENDED: str(fate.epoch)}
    return {
        "delivery_reason": fate.reason,
        "next_step": say_next(version.version, version.digest, fate.delivery, cause, release),
        "delivery": fate.delivery,
        **ended,
        MIRRORED: str(fate.epoch),
    }
