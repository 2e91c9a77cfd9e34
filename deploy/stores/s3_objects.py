"""The object store on S3, or on anything that speaks it with conditional writes.

A conditional put is never retried by the client: when the first answer is lost, the second try would be
refused because of our own first write, and the winner would believe that it lost.
"""

import contextlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.stores.errors import (
    InvalidKey,
    ObjectMissing,
    PreconditionFailed,
    StoreError,
    StoreFull,
    StoreRefused,
    StoreUnavailable,
)
from deploy.stores.objects import DELETE, PUT, DeltaLocation, Stored, validate_key

_ATTEMPTS = 3
_CONFLICT_ATTEMPTS = 5  # S3 answers 409 while another conditional write of the key is under way: ask again


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
        """See `ObjectStore.put`."""
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
                    if if_match is not None and _code(error) == "NoSuchKey":
                        raise PreconditionFailed(
                            f"object {key}: expected etag {if_match}, found none; read it again"
                        ) from error
                    if _status(error) != 409 or attempt == _CONFLICT_ATTEMPTS - 1:
                        raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def get(self, key: str) -> Stored:
        """See `ObjectStore.get`."""
        with self._translated(key):
            answer = self._client.get_object(Bucket=self.bucket, Key=self._full(key))
            return Stored(answer["Body"].read(), str(answer["ETag"]))

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

    @contextlib.contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        where = f"s3://{self.bucket}/{self.prefix}{key}"
        try:
            yield
        except ClientError as error:
            raise _translate(where, error) from error
        except BotoCoreError as error:
            endpoint = self._endpoint_url or "AWS"
            raise StoreUnavailable(f"{where}: {endpoint} does not answer ({error}); is the server up?") from error


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _translate(where: str, error: ClientError) -> StoreError:
    code = _code(error)
    said = f"{code} {error.response.get('Error', {}).get('Message', '')}".strip()
    status = _status(error)
    if code == "NoSuchBucket":
        return StoreRefused(f"object {where}: the bucket does not exist; create it or correct the URL")
    if status == 404:
        return ObjectMissing(f"object {where}: expected one, found none; check the key")
    if status == 412:
        return PreconditionFailed(f"object {where}: somebody else wrote first ({said}); read it again")
    if status == 507 or "StorageFull" in code or "QuotaExceeded" in code:
        return StoreFull(f"object {where}: the store has no space left ({said}); free some")
    if status >= 500 or status in (0, 409, 429) or code in ("SlowDown", "RequestTimeout"):
        return StoreUnavailable(f"object {where}: the store answered {said}; try again later")
    return StoreRefused(f"object {where}: the store refused ({said}); check keys, rights and bucket")
