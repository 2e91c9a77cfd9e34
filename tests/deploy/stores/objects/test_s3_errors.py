"""What an S3 says when it says no: one line that names what to correct, and never a key."""

from __future__ import annotations

import os
from typing import Any

import pytest

from deploy.stores.errors import StoreRefused, StoreUnavailable, UnsafeStore
from deploy.stores.objects.opening import open_objects
from deploy.stores.objects.s3 import S3Objects
from tests.deploy.stores.look_alikes import look_alike
from tests.deploy.stores.one_line import refusal
from tests.servers import SeaweedFS, free_ports


@pytest.mark.server
def test_a_missing_bucket_is_named(seaweedfs_server: SeaweedFS) -> None:
    store = S3Objects("no-such-bucket", **seaweedfs_server.options())
    with pytest.raises(StoreRefused, match="bucket does not exist; create it"):
        store.put("a", b"x")


@pytest.mark.server
def test_wrong_keys_are_refused_and_never_shown(seaweedfs_server: SeaweedFS) -> None:
    bucket = seaweedfs_server.create_bucket().removeprefix("s3://")
    store = S3Objects(bucket, **{**seaweedfs_server.options(), "secret_key": "top-secret"})
    with pytest.raises(StoreRefused, match="check keys") as caught:
        store.put("a", b"x")
    assert "top-secret" not in f"{caught.value}{store!r}{store.delta_location('t')!r}"


def test_a_server_that_is_away_is_unavailable() -> None:
    store = S3Objects("bucket", endpoint_url=f"http://127.0.0.1:{free_ports(1)[0]}", access_key="k", secret_key="s")
    for call in (
        lambda: store.put("a", b"x", if_absent=True),
        lambda: store.get("a"),
        lambda: store.etag("a"),
    ):
        with pytest.raises(StoreUnavailable, match="is the server up"):
            call()


def test_an_s3_that_is_away_is_one_line_that_names_the_setting() -> None:
    options: dict[str, Any] = {"endpoint_url": f"http://127.0.0.1:{free_ports(1)[0]}"}
    store = open_objects("s3://bucket", **options, access_key="k", secret_key="s")
    with pytest.raises(StoreUnavailable, match=r"does not answer .* is the server up, and s3\.endpoint_url right"):
        store.require_conditional_writes()


def test_an_answer_that_a_look_alike_never_learnt_is_not_called_temporary() -> None:
    with look_alike("answers 501") as server, pytest.raises(UnsafeStore) as refused:
        server.open().put("a", b"x", if_absent=True)
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
            server.open("s3://buck*et").require_conditional_writes()
        refusal(refused.value)
    with pytest.raises(StoreRefused, match=r"no client can be made .* correct s3\.endpoint_url"):
        open_objects("s3://bucket", endpoint_url="seaweed", access_key="k", secret_key="s")
