"""A kind of ledger line: its name, and the frozen model that its body is.

    >>> from pydantic import BaseModel
    >>> class Weighed(BaseModel, frozen=True, extra="forbid"):
    ...     grams: float
    >>> WEIGHED = Kind("weighed", Weighed, say=lambda body: f"{body.grams:g} g")
    >>> WEIGHED.say(WEIGHED.parse('{"grams": 12.5, "scale": "newer than we are"}'))
    '12.5 g'

Who writes a line may add nothing of his own; who reads one passes over what a newer version added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from deploy.stores.errors import StoreCorrupt

if TYPE_CHECKING:
    from deploy.stores.sql.ledger import Ledger, LedgerEntry

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Kind(Generic[Body]):
    """Writes and reads the lines of one kind. `say` makes the sentence that a person reads of a line."""

    name: str
    model: type[Body]
    say: Callable[[Body], str]

    def write(self, ledger: Ledger, subject: str, body: Body, now: datetime, key: str | None = None) -> bool:
        """Append a line; with a key only the first one is written, and False says that there was one."""
        return ledger.record(self.name, subject, body.model_dump_json(), now, key=key)

    def lines(self, ledger: Ledger, subject: str | None = None, limit: int = 50) -> list[Line[Body]]:
        """The newest first; of one subject, or of all."""
        return [Line(self, entry) for entry in ledger.entries(self.name, subject, limit=limit)]

    def newest(self, ledger: Ledger, subject: str | None = None) -> Line[Body] | None:
        """The newest line of the subject, or of all; None where there is none."""
        return next(iter(self.lines(ledger, subject, limit=1)), None)

    def parse(self, body: str) -> Body:
        """A body as its model; ValidationError for one that is none."""
        return self.model.model_validate_json(body, extra="ignore")


@dataclass(frozen=True, slots=True)
class Line(Generic[Body]):
    """A line as the ledger holds it. Its body is read when it is asked for: a line that nobody reads may be broken."""

    kind: Kind[Body]
    entry: LedgerEntry

    @property
    def id(self) -> int:
        """Its place in the record: a later line has a higher one."""
        return self.entry.id

    @property
    def at(self) -> datetime:
        """When it was written."""
        return self.entry.at

    @property
    def subject(self) -> str:
        """What it is about."""
        return self.entry.subject

    @property
    def key(self) -> str | None:
        """The name under which it was written once; None for one that may come again."""
        return self.entry.key

    @property
    def body(self) -> Body:
        """What it says; StoreCorrupt for what its kind's model cannot be."""
        try:
            return self.kind.parse(self.entry.body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(each) for each in first["loc"]) or "the line"
            raise StoreCorrupt(
                f"ledger: line {self.id} of kind {self.kind.name} about {self.subject}: {where}: {first['msg']}; "
                "was it written by a newer Latentloop, or by hand?"
            ) from error

    @property
    def readable(self) -> Body | None:
        """What it says; None for one that cannot be read."""
        try:
            return self.body
        except StoreCorrupt:
            return None
