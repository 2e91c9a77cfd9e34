"""Database, telemetry and object store: reachable, of the right kind, with the rights that are needed.

What is not there yet is not made: of a file or folder to come, only its place is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, make_url, text

from deploy.configuration.problems import mask
from deploy.settings import Settings
from deploy.stores.errors import StoreError
from deploy.stores.sql.database import open_engine, reading
from deploy.stores.sql.revisions import migrations, newer_store, read_known, read_revision
from deploy.wiring import open_objects
from latentloop.doctor.finding import Finding, look, ok, wrong
from latentloop.doctor.place import cannot_be_made


def examine_stores(settings: Settings) -> Iterator[Finding]:
    """Each of them once."""
    yield from look("database", _examine_database, "database", settings.ledger_url)
    if settings.telemetry_database != settings.ledger_url:
        yield from look("telemetry", _examine_database, "telemetry", settings.telemetry_database)
    yield from look("object store", _examine_objects, settings)


def _examine_database(name: str, url: str) -> Finding:
    shown = mask(url)
    try:
        engine = open_engine(url)
    except StoreError as error:
        return wrong(name, str(error))
    try:
        if (file := _file_of(url)) is not None and not file.exists():
            return _examine_place_of(name, file)
        with reading(engine) as connection:
            found = read_revision(connection)
            if found is None and (problem := _cannot_make_tables(connection)):
                return wrong(name, f"{shown}: {problem}")
        return _judge_revision(name, shown, engine, found)
    except StoreError as error:
        return wrong(name, str(error))
    finally:
        engine.dispose()


def _file_of(url: str) -> Path | None:
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _examine_place_of(name: str, file: Path) -> Finding:
    problem = cannot_be_made(file.parent)
    return wrong(name, problem) if problem else ok(name, f"{file}, not made yet")


def _cannot_make_tables(connection: Connection) -> str | None:
    """Of an empty PostgreSQL: what keeps the first start from making its tables there."""
    if connection.dialect.name != "postgresql":
        return None
    asked = text("SELECT current_user, current_schema(), has_schema_privilege(current_schema(), 'CREATE')")
    user, schema, may = connection.execute(asked).one()
    if may:
        return None
    return f"user {user} may not make tables in schema {schema}: `GRANT CREATE ON SCHEMA {schema} TO {user}`"


def _judge_revision(name: str, shown: str, engine: Engine, found: str | None) -> Finding:
    known = read_known(migrations())
    if found is not None and found not in known.known:
        return wrong(name, str(newer_store(shown, found, known, [])))
    if found == known.head:
        return ok(name, f"{shown} answers, its tables are those of this Latentloop")
    state = "has no tables yet" if found is None else f"its tables (revision {found}) are brought to {known.head}"
    return ok(name, f"{shown} answers; {state} by the next start")


def _examine_objects(settings: Settings) -> Finding:
    """A bucket or a folder that is there is asked whether it heeds conditions; the question is cleared away."""
    where = settings.objects_url or str(settings.home / "objects")
    if "://" not in where and not Path(where).exists():
        problem = cannot_be_made(Path(where))
        return wrong("object store", problem) if problem else ok("object store", f"{where}, not made yet")
    try:
        open_objects(settings).require_conditional_writes()
    except StoreError as error:
        return wrong("object store", str(error))
    return ok("object store", f"{where} takes conditional writes")
