"""A bucket is read page by page and object by object, and what is wrong with it is said in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.settings import S3Config
from deploy.stores.errors import StoreError, StoreUnavailable
from latentloop.errors import NothingToDo
from latentloop.sources.bucket import BucketSource
from latentloop.sources.found import Content, NoImage, TooLarge, Unreadable
from latentloop.sources.tally import Left, Named, Tally
from tests.latentloop.sources.places import PNG, Home
from tests.servers import SeaweedFS, free_ports

Put = Callable[..., None]


@pytest.fixture
def url(seaweedfs_server: SeaweedFS) -> str:
    return seaweedfs_server.create_bucket()


@pytest.fixture
def config(seaweedfs_server: SeaweedFS) -> S3Config:
    server = seaweedfs_server
    return S3Config.model_validate(server.options())


@pytest.fixture
def client(seaweedfs_server: SeaweedFS) -> Any:
    return seaweedfs_server._client


@pytest.fixture
def put(client: Any, url: str) -> Put:
    def put(*keys: str, data: bytes | None = None) -> None:
        for key in keys:
            client.put_object(Bucket=urlsplit(url).netloc, Key=key, Body=PNG + key.encode() if data is None else data)

    return put


@pytest.mark.server
def test_the_images_below_a_prefix_are_packed_once_with_their_labels(
    home: Home, url: str, config: S3Config, put: Put
) -> None:
    put("shop/2026/a/1.png", "shop/2026/b/2 ü.png", "shop/2026/3", "shop/2026/.thumbnails/1.png", "shop/20265.png")
    put("shop/2026/notes.txt", "shop/2026/empty.txt", data=b"")
    put("shop/2026/huge.png", data=bytes(2**20 + 1))
    put("shop/2026/labels.csv", data=b"id,label\n1.png,cat\n")
    source = BucketSource(f"{url}/shop/2026", config)

    packed = home.pack(source)
    again = home.pack(BucketSource(f"{url}/shop/2026/", config))

    assert {name: (each.source, each.label, each.data) for name, each in home.images(packed).items()} == {
        "a/1.png": ("a", "cat", PNG + b"shop/2026/a/1.png"),
        "b/2 ü.png": ("b", "", PNG + "shop/2026/b/2 ü.png".encode()),
        "3": ("2026", "", PNG + b"shop/2026/3"),
    }
    assert (source.place, source.name) == (f"{url}/shop/2026", "2026")
    assert (packed.tally.ignored, str(packed.tally.too_large)) == ({".txt": 2}, "huge.png (1,048,577 bytes)")
    assert packed.tally.left_out == {Left.hidden: Named(count=1, first=(".thumbnails/1.png",))}
    assert (again.segments, again.fresh) == (packed.segments, [])


@pytest.mark.server
def test_a_second_look_reads_only_what_is_new_or_another(home: Home, url: str, config: S3Config, put: Put) -> None:
    put("1.png", "2.png", "3.png")
    home.pack(BucketSource(url, config))
    put("2.png", data=PNG + b"another")
    put("4.png")

    (fresh,) = home.pack(BucketSource(url, config)).fresh

    assert [each.name for each in home.captures.read(fresh)] == ["2.png", "4.png"]


@pytest.mark.server
def test_a_listing_of_many_pages_comes_in_order(url: str, config: S3Config, put: Put) -> None:
    keys = [f"{number:02d}.png" for number in range(7)]
    put(*keys)
    source = BucketSource(url, config)
    paginate = source._client.get_paginator

    class Small:
        """The real pages, two keys each."""

        def __init__(self, name: str) -> None:
            self._pages = paginate(name)

        def paginate(self, **arguments: Any) -> Any:
            return self._pages.paginate(**arguments, PaginationConfig={"PageSize": 2})

    source._client.get_paginator = Small

    assert [each.path for each in source.look(Tally())] == keys


@pytest.mark.server
def test_an_object_that_is_replaced_or_removed_after_it_was_listed_is_left_for_another_time(
    url: str, config: S3Config, put: Put, client: Any
) -> None:
    put("1.png", "2.png", "3.png", "4.txt")
    put("5.json", data=b"{}")
    source = BucketSource(url, config)
    one, two, three, four, five = source.look(Tally())
    put("1.png", data=PNG + b"another")
    client.delete_object(Bucket=urlsplit(url).netloc, Key="2.png")

    assert source.read(one, 1000) == Unreadable(Left.changing, "")
    assert source.read(two, 1000) == Unreadable(Left.changing, "")
    assert source.read(three, 1000) == Content(PNG + b"3.png")
    assert source.read(three, 5) == TooLarge(13)
    assert source.read(four, 1000) == Content(PNG + b"4.txt")
    assert source.read(five, 1000) == NoImage()


@pytest.mark.server
def test_a_prefix_with_nothing_below_it_has_nothing(home: Home, url: str, config: S3Config, put: Put) -> None:
    put("shop/1.png")

    assert home.pack(BucketSource(f"{url}/sho", config)).images == 0


@pytest.mark.server
def test_a_bucket_that_is_not_there_and_a_wrong_key_are_said_in_one_line(url: str, config: S3Config) -> None:
    wrong = config.model_copy(update={"secret_key": S3Config(secret_key="wrong").secret_key})  # type: ignore[arg-type]

    for place, keys, message in (
        ("s3://no-such-bucket-here/p", config, "s3://no-such-bucket-here/p/: the bucket does not exist"),
        (url, wrong, "the store refused (SignatureDoesNotMatch"),
    ):
        with pytest.raises(StoreError) as refused:
            list(BucketSource(place, keys).look(Tally()))
        assert message in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_server_that_does_not_answer_is_said_with_its_address() -> None:
    (port,) = free_ports(1)
    config = S3Config(endpoint_url=f"http://127.0.0.1:{port}", access_key="a", secret_key="b")  # type: ignore[arg-type]

    with pytest.raises(StoreUnavailable, match=f"http://127.0.0.1:{port} does not answer"):
        list(BucketSource("s3://bucket", config).look(Tally()))


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix"])
def test_a_url_without_a_bucket_is_refused(url: str) -> None:
    with pytest.raises(NothingToDo, match="found no bucket's name"):
        BucketSource(url, S3Config())
