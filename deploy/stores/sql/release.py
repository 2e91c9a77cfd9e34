"""The release: the one row that says what serves. Changed by compare-and-swap on its epoch only."""

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from deploy.release import Release
from deploy.stores.errors import EpochConflict, StoreCorrupt
from deploy.stores.faults import register
from deploy.stores.sql.database import reading, writing
from deploy.stores.sql.schema import entries, to_us
from deploy.stores.sql.schema import release as table

SWAP = register("release.swap", "the release row and its line in the ledger, one transaction")

_ROW = 1


class ReleaseStore:
    """The release row in the ledger database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self) -> Release:
        """Read the current release; `Release()` (epoch 0) when none was ever written."""
        with reading(self._engine) as connection:
            body = connection.execute(select(table.c.body).where(table.c.id == _ROW)).scalar_one_or_none()
        return Release() if body is None else _parse(body)

    def compare_and_swap(self, expected_epoch: int, release: Release) -> Release:
        """Replace the release that has `expected_epoch`; returned with its new epoch, one higher.

        The same transaction appends the release to the ledger (kind `release`). EpochConflict when another
        writer came first. `release.changed_at` is required.
        """
        if release.changed_at is None:
            raise ValueError("release: expected changed_at, got none; pass the time of the decision")
        fresh = release.model_copy(update={"epoch": expected_epoch + 1})
        with SWAP, writing(self._engine) as connection:
            if not _swap(connection, expected_epoch, fresh):
                found = connection.execute(select(table.c.epoch)).scalar_one_or_none() or 0
                raise EpochConflict(
                    f"release row: expected epoch {expected_epoch}, found {found}; read it and decide again"
                )
            connection.execute(
                insert(entries).values(
                    at_us=to_us(release.changed_at),
                    kind="release",
                    subject=fresh.champion.version if fresh.champion else "",
                    body=fresh.model_dump_json(),
                    key=f"release:{fresh.epoch}",
                )
            )
        return fresh


def _swap(connection: Connection, expected_epoch: int, fresh: Release) -> bool:
    values = {"epoch": fresh.epoch, "body": fresh.model_dump_json()}
    if expected_epoch > 0:
        where = (table.c.id == _ROW) & (table.c.epoch == expected_epoch)
        return connection.execute(update(table).where(where).values(values)).rowcount == 1
    try:
        with connection.begin_nested():
            connection.execute(insert(table).values(id=_ROW, **values))
    except IntegrityError:
        return False
    return True


def _parse(body: str) -> Release:
    try:
        return Release.model_validate_json(body)
    except ValidationError as error:
        raise StoreCorrupt(
            f"release row: expected a release of schema_version 1, got {body[:200]!r}; "
            "was it written by a newer Latentloop?"
        ) from error
