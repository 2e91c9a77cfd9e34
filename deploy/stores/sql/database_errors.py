"""What SQLite and PostgreSQL say when they say no, as errors of the stores."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from deploy.stores.errors import StoreCorrupt, StoreError, StoreFull, StoreRefused, StoreUnavailable

# what PostgreSQL says while it refuses a connection; its driver gives these no code
_NO_ENTRY = re.compile(
    r'(role|user|database) "[^"]*" does not exist|authentication failed|no pg_hba\.conf entry|fe_sendauth'
)


@contextlib.contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Vendor errors come out as StoreError, one line each; no password is shown."""
    try:
        yield
    except DBAPIError as error:
        raise _translate(engine, error.orig or error) from error
    except sqlite3.Error as error:  # of a statement that went to the driver itself
        raise _translate(engine, error) from error


def _translate(engine: Engine, error: BaseException) -> StoreError:
    where = engine.url.render_as_string(hide_password=True)
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    state = getattr(error, "sqlstate", None) or ""
    name = getattr(error, "sqlite_errorname", "")
    if state == "53100" or name == "SQLITE_FULL":
        return StoreFull(f"database {where}: no space left ({said}); nothing was changed, free some")
    if name in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
        return StoreCorrupt(f"database {where}: the file is damaged ({said}); restore it from a backup")
    if name.startswith("SQLITE_READONLY"):
        return StoreRefused(f"database {where}: the file cannot be written ({said}); check its owner, mode and volume")
    if state == "42501":
        return StoreRefused(
            f"database {where}: its user has no right to do this ({said}); GRANT it USAGE and CREATE on the schema"
        )
    if _NO_ENTRY.search(str(error)):
        return StoreRefused(
            f"database {where}: it lets nobody in so ({said}); check user, password and name in the URL"
        )
    if state == "42P01" or said.startswith("no such table"):
        return StoreCorrupt(f"database {where}: the tables are missing ({said}); run the migration first")
    return StoreUnavailable(f"database {where}: it did not take the statement ({said}); is it up and free?")
