"""The object store on S3, or on anything that speaks it with conditional writes.

Before its first conditional put a process asks once whether the store heeds conditions: many that speak S3 do not.
A conditional put is never retried by the client: when the first answer is lost, the second try would be refused
because of our own first write, and the winner would believe that it lost.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.stores.errors import InvalidKey, ObjectMissing, PreconditionFailed, StoreRefused
from deploy.stores.objects.port import DELETE, PUT, DeltaLocation, Stored, validate_key
from deploy.stores.objects.probe import ask_once, unsafe_store
from deploy.stores.objects.s3_errors import code, is_not_implemented, said, status, translated

_ATTEMPTS = 3
_CONFLICT_ATTEMPTS = 5  # S3 answers 409 while another conditional write of the key is under way: ask again


class _Put(Protocol):
    def __call__(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class _Unasked:
    """The writes of a store before it was asked, for the question itself."""

    put: _Put
    delete: Callable[[str], None]


class S3Objects:
    """Objects in a bucket, under a prefix. Without keys boto3 looks for its usual credentials."""

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        endpoint_url: str | None = None,
        region: str = "us-east-1",
        access_key: str | None = None,
        secret_key: str | None = None,
    ) -> None:
        self.bucket = bucket
        self.prefix = validate_key(prefix.strip("/")) + "/" if prefix.strip("/") else ""
        self._endpoint_url = endpoint_url
        self._region = region
        self._access_key = access_key
        self._secret_key = secret_key
        self._client = self._connect(_ATTEMPTS)

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        """See `ObjectStore.put`; UnsafeStore when this process's first question shows that conditions do not hold."""
        if if_absent or if_match is not None:
            self.require_conditional_writes()
        return self._put(key, data, if_absent=if_absent, if_match=if_match)

    def require_conditional_writes(self) -> None:
        """See `ObjectStore.require_conditional_writes`."""
        place = f"{self._endpoint_url} s3://{self.bucket}/{self.prefix}"
        ask_once(place, _Unasked(self._put, self.delete))

    def _put(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        conditions: dict[str, str] = {"IfNoneMatch": "*"} if if_absent else {}
        if if_match is not None:
            conditions["IfMatch"] = if_match
        client = self._client_without_retries if conditions else self._client
        with PUT, self._translated(key):
            for attempt in range(_CONFLICT_ATTEMPTS):
                try:
                    answer = client.put_object(Bucket=self.bucket, Key=self._full(key), Body=data, **conditions)
                    return str(answer["ETag"])
                except ClientError as error:
                    if if_match is not None and code(error) == "NoSuchKey":
                        raise PreconditionFailed(
                            f"object {key}: expected etag {if_match}, found none; read it again"
                        ) from error
                    if conditions and is_not_implemented(error):
                        name = "If-None-Match" if if_absent else "If-Match"
                        raise unsafe_store(name, "heeded", f"answered {said(error)}") from error
                    if status(error) != 409 or attempt == _CONFLICT_ATTEMPTS - 1:
                        raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def get(self, key: str) -> Stored:
        """See `ObjectStore.get`."""
        with self._translated(key):
            answer = self._client.get_object(Bucket=self.bucket, Key=self._full(key))
            return Stored(answer["Body"].read(), str(answer["ETag"]))

    def read(self, key: str) -> bytes:
        """See `ObjectStore.read`."""
        return self.get(key).data

    def etag(self, key: str) -> str | None:
        """See `ObjectStore.etag`."""
        try:
            with self._translated(key):
                return str(self._client.head_object(Bucket=self.bucket, Key=self._full(key))["ETag"])
        except ObjectMissing:
            return None

    def keys(self, prefix: str) -> list[str]:
        """See `ObjectStore.keys`."""
        if prefix.startswith("/") or ".." in prefix.split("/"):
            raise InvalidKey(f"prefix {prefix!r}: expected a relative path without '..'; correct it")
        with self._translated(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix + prefix
            )
            found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return sorted(key.removeprefix(self.prefix) for key in found)

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        with DELETE, contextlib.suppress(ObjectMissing), self._translated(key):
            self._client.delete_object(Bucket=self.bucket, Key=self._full(key))

    def delta_location(self, prefix: str) -> DeltaLocation:
        """See `ObjectStore.delta_location`."""
        options = {
            "AWS_REGION": self._region,
            "conditional_put": "etag",
            # the default keeps a dead endpoint hidden for three minutes
            "max_retries": "5",
            "retry_timeout": "30s",
            "connect_timeout": "5s",
        }
        if self._access_key and self._secret_key:
            options |= {"AWS_ACCESS_KEY_ID": self._access_key, "AWS_SECRET_ACCESS_KEY": self._secret_key}
        if self._endpoint_url:
            options["AWS_ENDPOINT_URL"] = self._endpoint_url
            options["AWS_ALLOW_HTTP"] = str(self._endpoint_url.startswith("http://")).lower()
        return DeltaLocation(uri=f"s3://{self.bucket}/{self._full(prefix)}", storage_options=options)

    @cached_property
    def _client_without_retries(self) -> Any:
        return self._connect(1)

    def _connect(self, attempts: int) -> Any:
        try:
            return self._make_client(attempts)
        except (ValueError, BotoCoreError) as error:  # an endpoint that is no URL, a profile that is not there
            raise StoreRefused(
                f"object store s3://{self.bucket}: no client can be made ({error}); correct s3.endpoint_url, s3.region "
                "or the AWS profile"
            ) from error

    def _make_client(self, attempts: int) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self._endpoint_url,
            region_name=self._region,
            aws_access_key_id=self._access_key,
            aws_secret_access_key=self._secret_key,
            config=Config(
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "total_max_attempts": attempts},
                s3={"addressing_style": "path"} if self._endpoint_url else {},
                # servers older than 2025 do not know the newer default checksums
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                max_pool_connections=32,
            ),
        )

    def _full(self, key: str) -> str:
        return self.prefix + validate_key(key)

    def _translated(self, key: str) -> contextlib.AbstractContextManager[None]:
        return translated(f"s3://{self.bucket}/{self.prefix}{key}", self._endpoint_url or "AWS")
