"""The object store behind a URL: a local folder, or S3."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from deploy.stores.errors import StoreError
from deploy.stores.objects.port import ObjectStore


def open_objects(
    url: str,
    *,
    endpoint_url: str | None = None,
    region: str = "us-east-1",
    access_key: str | None = None,
    secret_key: str | None = None,
) -> ObjectStore:
    """Open the store behind a URL: `s3://bucket/prefix`, `file:///folder` or a plain path."""
    parts = urlsplit(url)
    if parts.scheme == "s3" and parts.netloc:
        from deploy.stores.objects.s3 import S3Objects  # boto3 costs half a second: only where it is used

        return S3Objects(
            bucket=parts.netloc,
            prefix=parts.path.strip("/"),
            endpoint_url=endpoint_url,
            region=region,
            access_key=access_key,
            secret_key=secret_key,
        )
    from deploy.stores.objects.local import LocalObjects

    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return LocalObjects(Path(unquote(parts.path)))
    if "://" not in url and url:
        return LocalObjects(Path(url))
    raise StoreError(f"object store {url!r}: expected s3://bucket/prefix, file:///folder or a path; correct it")
