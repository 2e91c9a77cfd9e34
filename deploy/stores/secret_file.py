"""Files of the secrets folder: mode 0600, written once, whole or not at all."""

import os
import uuid
from pathlib import Path

from deploy.stores.errors import ObjectMissing, StoreRefused


def read_secret(path: Path) -> bytes:
    """Read a secret; ObjectMissing when nothing wrote it yet, StoreRefused when it is somebody else's."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ObjectMissing(f"{path}: expected a key file, found none; run `latentloop up` once") from error
    except OSError as error:
        raise StoreRefused(f"{path}: the key file cannot be read ({error.strerror}); check its owner") from error


def write_once(path: Path, data: bytes) -> None:
    """Whole or not at all, and never over what another process wrote first."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError as error:
        raise StoreRefused(f"{path}: the key file cannot be written ({error.strerror}); check it") from error
    finally:
        temporary.unlink(missing_ok=True)
