"""An address that can be none is refused with the forms that are right, and without its password."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import load_settings
from tests.deploy.settled import problems

_DATABASE = "sqlite:////absolute/path.db or postgresql://user:password@host/name"

_OBJECTS = "s3://bucket/prefix, file:///folder or the path of a folder"

_WEB = "http://host:port or https://host"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        *(("database_url", value, _DATABASE) for value in ("foo", "sqlite://foo.db", "sqlite:foo.db", "sqlite:///")),
        *(("database_url", value, _DATABASE) for value in ("mysql://host/name", "postgres://host/x", "postgresql://")),
        ("database_url", "postgresql://host:port/name", _DATABASE),
        ("telemetry_url", "foo", _DATABASE),
        *(("objects_url", value, _OBJECTS) for value in ("s3://", "s3:///prefix", "s3:bucket", "gs://bucket")),
        *(("objects_url", value, _OBJECTS) for value in ("https://bucket.example", "file://host/folder")),
        *(("mlflow_url", value, _WEB) for value in ("http://", "http:///x", "http://host:port", "https://a host")),
        ("prefect_url", "http://:4200/api", _WEB),
        ("service_url", "https://", _WEB),
        ("s3.endpoint_url", "seaweed", _WEB),
    ],
)
def test_an_address_that_can_be_none_is_refused_with_the_forms_that_are_right(
    file: Path, name: str, value: str, expected: str
) -> None:
    table, _, word = name.rpartition(".")
    file.write_text(f'{f"[{table}]" if table else ""}\n{word} = "{value}"\n')

    (problem,) = problems()

    assert problem == f"{name}: expected {expected}; came {value!r} (set by {file})"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "postgresql://us:p/w@d@host:5432/name?sslmode=require"),
        ("database_url", "postgresql+psycopg://host/name"),
        ("database_url", "postgresql:///name?host=/run/postgresql"),
        ("telemetry_url", "sqlite:////var/lib/rows.db"),
        ("objects_url", "s3://bucket"),
        ("objects_url", "file:///srv/objects"),
        ("mlflow_url", "https://me:hush@[::1]:5000/path"),
        ("prefect_url", "https://api.prefect.cloud/api/accounts/x/workspaces/y"),
    ],
)
def test_an_address_that_may_be_one_stays_as_it_is(file: Path, name: str, value: str) -> None:
    file.write_text(f'{name} = "{value}"\n')

    assert getattr(load_settings(), name) == value


@pytest.mark.parametrize("value", ["postgresql//me:hush@host/x", "postgresql:me:hush@host/x", "mysql://me:hush@host/x"])
def test_the_password_of_an_address_that_is_refused_is_not_printed(file: Path, value: str) -> None:
    file.write_text(f'database_url = "{value}"\n')

    (problem,) = problems()

    assert "hush" not in problem and "@host/x" in problem
