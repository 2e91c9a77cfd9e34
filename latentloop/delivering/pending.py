"""The versions that wait for a person's word: new ones, and those that were taken back and may be tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from data_checks.shown_text import shorten
from deploy.delivery.next_step import say_override
from deploy.record.registries import find_other_registry
from deploy.settings import Settings, SettingsError
from deploy.stores.errors import StoreError
from deploy.stores.mlflow.registry import APPROVED, PENDING, REJECTED, Patience, RegisteredVersion, Registry
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_registry
from latentloop.installation.running import fill_in_urls

SCREEN = Patience(question_s=5.0, retries=0)  # who looks at a screen looks again; a server that starts takes minutes
LONGEST = 160  # characters of a reason
DECIDED = (APPROVED, REJECTED)
MEANT = ("approval", "approved", "approve")  # names of tags that people gave, lower case
TAKEN_BACK = 3  # of those that were taken back, the newest


class Pending(BaseModel):
    """A version, what waits (`new`, or `again` after it was taken back), why it came back, and what can be done.

    `unread`: what somebody wrote where an approval was meant, and nobody reads.
    """

    model_config = ConfigDict(frozen=True)

    version: str
    benchmark: str
    url: str
    what: Literal["new", "again"] = "new"
    reason: str = ""
    next: str = ""
    unread: str = ""

    @property
    def line(self) -> str:
        """One line of the screen."""
        following = f"{self.unread}; {self.next}" if self.unread else self.next
        if self.what == "again":
            return f"taken back: version {self.version}: {self.reason}; {following}"
        return f"waiting for approval: version {self.version}, benchmark {self.benchmark}: {self.url}; {following}"


@dataclass(frozen=True, slots=True)
class InRegistry:
    """What waits, newest first; in words why that is unknown, and that the registry is another one, where it is."""

    pending: tuple[Pending, ...] = ()
    unknown: str = ""
    other_registry: str = ""


def read_pending(settings: Settings, ledger: Ledger) -> InRegistry:
    """Ask the registry what waits for a person."""
    try:
        registry = open_registry(fill_in_urls(settings), SCREEN)
        if not registry.ready():
            return InRegistry(unknown=f"unknown, MLflow at {registry.url} does not answer")
        found = [_pending(registry, each) for each in registry.versions() if each.approval not in DECIDED]
        other = find_other_registry(ledger, registry)
    except SettingsError:
        return InRegistry(unknown="unknown, MLflow does not run")
    except StoreError as error:
        return InRegistry(unknown=f"unknown, {error}")
    again = [each for each in found if each.what == "again"][:TAKEN_BACK]
    return InRegistry((*(each for each in found if each.what == "new"), *again), other_registry=other)


def _pending(registry: Registry, version: RegisteredVersion) -> Pending:
    benchmark = version.tags.get("benchmark", "?")
    approve = f"`latentloop approve {version.version}`"
    if version.tags.get("delivery") == "rolled_back":
        what: Literal["new", "again"] = "again"
        reason = shorten(version.tags.get("delivery_reason", ""), LONGEST)
        following = version.tags.get("next_step", approve)
    else:
        what, reason = "new", ""
        following = approve if benchmark == "passed" else f"{say_override(version.version)}, then {approve}"
    return Pending(
        version=version.version,
        benchmark=benchmark,
        url=registry.version_url(version.version),
        what=what,
        reason=reason,
        next=following,
        unread=_unread(version),
    )


def _unread(version: RegisteredVersion) -> str:
    """What was written in the place or in the words of an approval, and is none."""
    told = []
    if version.approval != PENDING:
        told.append(f"its tag `approval` is {version.tags['approval']!r}, which is no answer")
    for name in sorted(version.tags):
        if name != "approval" and name.strip().lower() in MEANT:
            told.append(f"its tag {name!r} ({version.tags[name]!r}) is not read, the name is `approval`")
    return f"{' and '.join(told)}: expected `approval` = `approved` or `rejected`" if told else ""
