"""What an S3 says when it says no, as errors of the stores."""

import contextlib
from collections.abc import Iterator

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from deploy.stores.errors import (
    ObjectMissing,
    PreconditionFailed,
    StoreError,
    StoreFull,
    StoreRefused,
    StoreUnavailable,
)


@contextlib.contextmanager
def translated(where: str, endpoint: str) -> Iterator[None]:
    """Vendor errors come out as StoreError, one line each; no key is shown."""
    try:
        yield
    except ClientError as error:
        raise _translate(where, error) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StoreRefused(f"{where}: no keys to sign with ({error}); set s3.access_key, s3.secret_key") from error
    except ParamValidationError as error:
        names = " ".join(str(error).split())
        raise StoreRefused(f"{where}: S3 has no such names ({names}); correct objects_url") from error
    except BotoCoreError as error:
        raise StoreUnavailable(
            f"{where}: {endpoint} does not answer ({error}); is the server up, and s3.endpoint_url right?"
        ) from error


def status(error: ClientError) -> int:
    """The HTTP status of an answer, 0 when it has none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code(error: ClientError) -> str:
    """S3's own word for what is wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))


def said(error: ClientError) -> str:
    """Code and message, as the store gave them."""
    return f"{code(error)} {error.response.get('Error', {}).get('Message', '')}".strip()


def is_not_implemented(error: ClientError) -> bool:
    """Does the store say that it was never taught this? Some say so with 400."""
    return status(error) == 501 or code(error) == "NotImplemented"


def _translate(where: str, error: ClientError) -> StoreError:
    named, message, number = code(error), said(error), status(error)
    if named == "NoSuchBucket":
        return StoreRefused(f"object {where}: the bucket does not exist; create it or correct the URL")
    if number == 404:
        return ObjectMissing(f"object {where}: expected one, found none; check the key")
    if number == 412:
        return PreconditionFailed(f"object {where}: somebody else wrote first ({message}); read it again")
    if number == 507 or "StorageFull" in named or "QuotaExceeded" in named:
        return StoreFull(f"object {where}: the store has no space left ({message}); free some")
    if is_not_implemented(error):
        return StoreRefused(f"object {where}: the store cannot do this ({message}); use another one in objects_url")
    if number >= 500 or number in (0, 409, 429) or named in ("SlowDown", "RequestTimeout"):
        return StoreUnavailable(f"object {where}: the store answered {message}; try again later")
    return StoreRefused(f"object {where}: the store refused ({message}); check keys, rights and bucket")
