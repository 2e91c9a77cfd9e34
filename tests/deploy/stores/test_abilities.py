"""What a store must be able to do is asked where it is opened for writing, and told in one line where it cannot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.stores.catalogue import Catalogue
from deploy.stores.errors import StoreError, StoreRefused, StoreUnavailable, UnsafeStore
from deploy.stores.objects.opening import open_objects
from deploy.stores.objects.port import ObjectStore
from deploy.stores.sql.database import migrate, open_engine
from tests.deploy.stores.look_alikes import LookAlike, Manner, look_alike
from tests.deploy.stores.test_catalogue import accepted
from tests.servers import PostgreSQL, SeaweedFS, free_ports

UNSAFE: dict[Manner, str] = {
    "ignores": r"put with If-None-Match was expected to be refused and was accepted",
    "ignores If-Match": r"put with If-Match was expected to be refused and was accepted",
    "answers 501": r"put with If-None-Match was expected to be heeded and was answered NotImplemented no",
    "answers 400": r"put with If-None-Match was expected to be heeded and was answered NotImplemented no",
    "refuses all": r"put with If-None-Match was expected to be accepted and was refused",
}


def at(server: LookAlike, url: str = "s3://bucket/prefix") -> ObjectStore:
    return open_objects(url, **server.options())


def refusal(error: StoreError) -> str:
    """What a person reads: one line."""
    said = str(error)
    assert "\n" not in said
    return said


def test_a_store_that_heeds_conditions_is_asked_and_stays_empty(objects: ObjectStore) -> None:
    objects.require_conditional_writes()
    assert objects.keys("") == []


@pytest.mark.parametrize("manner", UNSAFE)
def test_an_s3_look_alike_without_conditional_writes_is_unsafe_and_named_so(manner: Manner) -> None:
    with look_alike(manner) as server:
        with pytest.raises(UnsafeStore, match=UNSAFE[manner]) as refused:
            at(server).require_conditional_writes()
        assert refusal(refused.value).endswith("(AWS S3, SeaweedFS, MinIO), or a folder, in objects_url")
        assert server.objects == {}


@pytest.mark.parametrize("manner", UNSAFE)
def test_no_conditional_write_gets_through_to_an_unsafe_store_though_nobody_asked_before(manner: Manner) -> None:
    with look_alike(manner) as server:
        for conditions in ({"if_absent": True}, {"if_match": '"e"'}):
            with pytest.raises(UnsafeStore):
                at(server).put("captures/one", b"x", **conditions)
        assert server.objects == {}
        assert at(server).put("plain", b"x")
        assert list(server.objects) == ["/bucket/prefix/plain"]


def test_a_process_asks_once_and_readers_never_do() -> None:
    with look_alike("heeds") as server:
        assert at(server).etag("a") is None
        assert [each for each in server.requests if "probe" in each] == []
        for number in range(3):
            at(server).put(f"key-{number}", b"x", if_absent=True)
        at(server).require_conditional_writes()
        asked = [each.split()[0] for each in server.requests if "/probe/" in each]
        assert asked == ["PUT", "PUT", "PUT", "PUT", "DELETE"]
        at(server, "s3://other").put("key", b"x", if_absent=True)  # another bucket may lie on another store
        assert len([each for each in server.requests if "/other/probe/" in each]) == 5


def test_an_unsafe_store_takes_no_catalogue_either() -> None:
    with look_alike("ignores") as server:
        with pytest.raises(UnsafeStore, match="If-None-Match"):
            Catalogue(at(server), "28x28").append_accepted(accepted("s", 1), ["s"])
        assert server.objects == {}


def test_writers_that_start_at_once_ask_once_between_them() -> None:
    with look_alike("heeds") as server:
        threads = [
            threading.Thread(target=at(server).put, args=(f"key-{number}", b"x"), kwargs={"if_absent": True})
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len([each for each in server.requests if "/probe/" in each]) == 5
        assert len(server.objects) == 8


def test_an_s3_that_is_away_is_one_line_that_names_the_setting() -> None:
    options: dict[str, Any] = {"endpoint_url": f"http://127.0.0.1:{free_ports(1)[0]}"}
    store = open_objects("s3://bucket", **options, access_key="k", secret_key="s")
    with pytest.raises(StoreUnavailable, match=r"does not answer .* is the server up, and s3\.endpoint_url right"):
        store.require_conditional_writes()


def test_an_answer_that_a_look_alike_never_learnt_is_not_called_temporary() -> None:
    with look_alike("answers 501") as server, pytest.raises(UnsafeStore) as refused:
        at(server).put("a", b"x", if_absent=True)
    assert "try again later" not in refusal(refused.value)


@pytest.mark.server
def test_a_missing_bucket_and_wrong_keys_are_one_line_each(seaweedfs_server: SeaweedFS) -> None:
    missing = open_objects("s3://no-such-bucket", **seaweedfs_server.options())
    with pytest.raises(StoreRefused, match=r"the bucket does not exist; create it or correct the URL$"):
        missing.require_conditional_writes()
    wrong = {**seaweedfs_server.options(), "secret_key": "top-secret"}
    with pytest.raises(StoreRefused, match="check keys, rights and bucket$") as refused:
        open_objects(seaweedfs_server.create_bucket(), **wrong).require_conditional_writes()
    assert "top-secret" not in refusal(refused.value)


def test_no_keys_a_name_that_is_none_and_an_endpoint_that_is_no_url_are_one_line_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with look_alike("heeds") as server:
        keyless = open_objects("s3://bucket", endpoint_url=server.endpoint_url)
        with pytest.raises(StoreRefused, match=r"no keys to sign with .* set s3\.access_key, s3\.secret_key$"):
            keyless.require_conditional_writes()
        with pytest.raises(StoreRefused, match=r"S3 has no such names .* correct objects_url$") as refused:
            at(server, "s3://buck*et").require_conditional_writes()
        refusal(refused.value)
    with pytest.raises(StoreRefused, match=r"no client can be made .* correct s3\.endpoint_url"):
        open_objects("s3://bucket", endpoint_url="seaweed", access_key="k", secret_key="s")


@pytest.fixture
def obeying() -> list[str]:
    """The start of a command whose process obeys modes, as those of root do not."""
    if os.geteuid() != 0:
        return []
    assert shutil.which("setpriv"), "root reads and writes everything: util-linux must take that right from it"
    rights = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]


def _tried(obeying: list[str], code: str) -> str:
    script = f"from deploy.stores.errors import StoreError\ntry:\n    {code}\nexcept StoreError as error:\n"
    script += "    print(type(error).__name__, error)"
    command = [*obeying, sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    (said,) = done.stdout.splitlines()
    return said


def test_a_folder_of_objects_without_the_right_to_write_is_one_line(tmp_path: Path, obeying: list[str]) -> None:
    open_objects(str(tmp_path / "objects"))
    (tmp_path / "objects" / "captures").mkdir(mode=0o500)
    (tmp_path / "objects" / ".store" / "tmp").chmod(0o500)
    opened = (
        f"from deploy.stores.objects.opening import open_objects; store = open_objects({str(tmp_path / 'objects')!r}); "
    )
    said = _tried(obeying, f"{opened}store.require_conditional_writes()")
    assert re.search(r"^StoreRefused object .*: no right to do this \(Permission denied\); check owner and mode$", said)
    (tmp_path / "objects").chmod(0o500)
    said = _tried(
        obeying,
        f"from deploy.stores.objects.opening import open_objects; open_objects({str(tmp_path / 'objects' / 'a')!r})",
    )
    assert said.startswith(f"StoreRefused object {tmp_path / 'objects' / 'a'}: no right to do this")


def test_a_database_in_a_folder_without_the_right_to_write_is_one_line(tmp_path: Path, obeying: list[str]) -> None:
    url = f"sqlite:///{tmp_path}/folder/ledger.db"
    (tmp_path / "folder").mkdir(mode=0o500)
    code = f"from deploy.stores.sql.database import migrate, open_engine; migrate(open_engine({url!r}))"
    said = _tried(obeying, code)
    assert said.endswith(f"{tmp_path}/folder/ledger.db: its folder cannot be written (Permission denied); check it")


def test_a_database_file_without_the_right_to_write_is_one_line(tmp_path: Path, obeying: list[str]) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(engine := open_engine(url))
    engine.dispose()
    (tmp_path / "ledger.db").chmod(0o400)
    code = f"from deploy.stores.sql.database import migrate, open_engine; migrate(open_engine({url!r}))"
    said = _tried(obeying, code)
    assert (
        said
        == f"StoreRefused database {tmp_path}/ledger.db: the file cannot be written; check its owner, mode and volume"
    )


def test_postgresql_without_its_driver_names_what_to_install() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None; from deploy.stores.sql.database import open_engine; "
        "open_engine('postgresql://a@b/c')"
    )
    said = _tried([], code)
    assert said == "StoreError database: psycopg is not installed; pip install 'latentloop[postgres]'"


@pytest.mark.server
def test_a_postgresql_user_without_the_right_to_create_tables_is_one_line(postgresql_server: PostgreSQL) -> None:
    url = postgresql_server.create_namespace()
    with psycopg.connect(
        f"postgresql://postgres@127.0.0.1:{postgresql_server.port}/postgres", autocommit=True
    ) as admin:
        admin.execute("DROP ROLE IF EXISTS reader")
        admin.execute("CREATE ROLE reader LOGIN")
        admin.execute(f"GRANT USAGE ON SCHEMA {url.rpartition('%3D')[2]} TO reader".encode())
    engine = open_engine(url.replace("postgres@", "reader@"))
    with pytest.raises(
        StoreRefused, match=r"no right to do this \(permission denied .* GRANT it USAGE and CREATE"
    ) as no:
        migrate(engine)
    refusal(no.value)
    engine.dispose()


@pytest.mark.server
@pytest.mark.parametrize(("user", "name"), [("nobody-here", "postgres"), ("postgres", "no-such-name")])
def test_a_user_or_a_name_that_postgresql_does_not_know_is_one_line(
    postgresql_server: PostgreSQL, user: str, name: str
) -> None:
    engine = open_engine(f"postgresql://{user}:top-secret@127.0.0.1:{postgresql_server.port}/{name}")
    with pytest.raises(StoreRefused, match=r"does not exist\); check user, password and name in the URL$") as refused:
        migrate(engine)
    assert "top-secret" not in refusal(refused.value)
    engine.dispose()
