"""The object store on S3 writes under conditions only where the other side heeds them."""

from __future__ import annotations

import pytest

from deploy.stores.catalogue import Catalogue
from deploy.stores.errors import UnsafeStore
from tests.deploy.stores.look_alikes import Manner, look_alike
from tests.deploy.stores.one_line import refusal
from tests.deploy.stores.test_catalogue import accepted

UNSAFE: dict[Manner, str] = {
    "ignores": r"put with If-None-Match was expected to be refused and was accepted",
    "ignores If-Match": r"put with If-Match was expected to be refused and was accepted",
    "answers 501": r"put with If-None-Match was expected to be heeded and was answered NotImplemented no",
    "answers 400": r"put with If-None-Match was expected to be heeded and was answered NotImplemented no",
    "refuses all": r"put with If-None-Match was expected to be accepted and was refused",
}


@pytest.mark.parametrize("manner", UNSAFE)
def test_an_s3_look_alike_without_conditional_writes_is_unsafe_and_named_so(manner: Manner) -> None:
    with look_alike(manner) as server:
        with pytest.raises(UnsafeStore, match=UNSAFE[manner]) as refused:
            server.open().require_conditional_writes()
        assert refusal(refused.value).endswith("(AWS S3, SeaweedFS, MinIO), or a folder, in objects_url")
        assert server.objects == {}


@pytest.mark.parametrize("manner", UNSAFE)
def test_no_conditional_write_gets_through_to_an_unsafe_store_though_nobody_asked_before(manner: Manner) -> None:
    with look_alike(manner) as server:
        for conditions in ({"if_absent": True}, {"if_match": '"e"'}):
            with pytest.raises(UnsafeStore):
                server.open().put("captures/one", b"x", **conditions)
        assert server.objects == {}
        assert server.open().put("plain", b"x")
        assert list(server.objects) == ["/bucket/prefix/plain"]


def test_an_unsafe_store_takes_no_catalogue_either() -> None:
    with look_alike("ignores") as server:
        with pytest.raises(UnsafeStore, match="If-None-Match"):
            Catalogue(server.open(), "28x28").append_accepted(accepted("s", 1), ["s"])
        assert server.objects == {}
