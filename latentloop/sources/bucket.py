"""The images of a bucket below a prefix, `s3://bucket/prefix`, on S3 or on anything that speaks it.

Pages of the listing are taken as they come and never held together; an object that was replaced since it was listed
is not read half old and half new.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from deploy.settings import S3Config
from deploy.stores.errors import ObjectMissing, PreconditionFailed, StoreRefused, StoreUnavailable
from deploy.stores.objects.s3_errors import translated
from latentloop.errors import NothingToDo
from latentloop.sources.found import SNIFFED_BYTES, Content, Found, NoImage, Outcome, TooLarge, Unreadable
from latentloop.sources.names import has_image_ending, is_hidden, storable
from latentloop.sources.signatures import begins_like_an_image
from latentloop.sources.tally import Left, Tally

SCHEME = "s3://"
_TRIES = 3  # a body that breaks off is not asked for again by the client itself


class BucketSource:
    """See `Source`. Keys that begin with `prefix/`, by the keys of `[s3]`, or as boto3 finds them where it has none."""

    reads_at_once = 8

    def __init__(self, url: str, config: S3Config) -> None:
        parts = urlsplit(url)
        self._bucket, prefix = parts.netloc, url.removeprefix(f"{SCHEME}{parts.netloc}").strip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint = config.endpoint_url or "AWS"
        if not self._bucket:
            raise NothingToDo(f"{url}: expected s3://bucket or s3://bucket/prefix, found no bucket's name")
        self._client = self._connect(config)

    @property
    def place(self) -> str:
        """The URL."""
        return storable(f"{SCHEME}{self._bucket}/{self._prefix}").rstrip("/")

    @property
    def name(self) -> str:
        """The last part of the prefix, or the bucket."""
        return self._prefix.rstrip("/").rpartition("/")[2] or self._bucket

    def look(self, tally: Tally) -> Iterator[Found]:
        """See `Source.look`. StoreError in one line for a bucket that is not there or not to be read."""
        with self._translated(""):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                for entry in page.get("Contents", []):
                    path = entry["Key"].removeprefix(self._prefix)
                    if not path or path.endswith("/"):  # a folder, as consoles draw it
                        continue
                    if any(is_hidden(part) for part in path.split("/")):
                        tally.leave_out(Left.hidden, path)
                        continue
                    stamp = f"{entry['ETag']}-{entry['Size']}"
                    yield Found(path, entry["Size"], stamp, entry["LastModified"].astimezone(UTC))

    def read(self, found: Found, most_bytes: int) -> Outcome:
        """See `Source.read`. The size is that of the listing: what is too large is never asked for."""
        try:
            if not has_image_ending(found.path) and not begins_like_an_image(self._head(found)):
                return NoImage()
            return TooLarge(found.size_bytes) if found.size_bytes > most_bytes else Content(self._get(found))
        except (ObjectMissing, PreconditionFailed):
            return Unreadable(Left.changing, "")
        except StoreRefused as error:
            return Unreadable(Left.unreadable, str(error))

    def read_table(self, found: Found) -> bytes:
        """See `Source.read_table`."""
        return self._get(found)

    def _head(self, found: Found) -> bytes:
        return self._get(found, Range=f"bytes=0-{SNIFFED_BYTES - 1}") if found.size_bytes else b""

    def _get(self, found: Found, **more: str) -> bytes:
        etag = found.stamp.rpartition("-")[0]
        for attempt in range(_TRIES):
            try:
                with self._translated(found.path):
                    key = self._prefix + found.path
                    answer = self._client.get_object(Bucket=self._bucket, Key=key, IfMatch=etag, **more)
                    data: bytes = answer["Body"].read()
                    return data
            except StoreUnavailable:
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _translated(self, path: str) -> Any:
        return translated(f"{SCHEME}{self._bucket}/{storable(self._prefix + path)}", self._endpoint)

    def _connect(self, config: S3Config) -> Any:
        try:
            return boto3.client(
                "s3",
                endpoint_url=config.endpoint_url,
                region_name=config.region,
                aws_access_key_id=config.access_key.get_secret_value() if config.access_key else None,
                aws_secret_access_key=config.secret_key.get_secret_value() if config.secret_key else None,
                config=Config(
                    connect_timeout=5,
                    read_timeout=60,
                    retries={"mode": "standard", "total_max_attempts": _TRIES},
                    s3={"addressing_style": "path"} if config.endpoint_url else {},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                    max_pool_connections=self.reads_at_once + 1,
                ),
            )
        except (ValueError, BotoCoreError) as error:  # an endpoint that is no URL, a profile that is not there
            raise StoreRefused(
                f"{self.place}: no client can be made ({error}); correct s3.endpoint_url, s3.region or the AWS profile"
            ) from error
