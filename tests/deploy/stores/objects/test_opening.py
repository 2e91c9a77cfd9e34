"""The object store behind an address: a folder, or S3; anything else is refused with the forms that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.stores.errors import StoreError
from deploy.stores.objects.opening import open_objects


@pytest.mark.parametrize("url", ["", "ftp://host/x", "s3://", "file://other-host/x"])
def test_an_unknown_url_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="s3://bucket/prefix"):
        open_objects(url)


def test_a_file_url_and_a_path_are_the_same_store(tmp_path: Path) -> None:
    open_objects(f"file://{tmp_path}/a%20b").put("key", b"x")
    assert open_objects(str(tmp_path / "a b")).get("key").data == b"x"
