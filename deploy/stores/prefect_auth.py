"""The word that a Prefect server of our own asks for: `user:password`, generated once for a home, mode 0600.

Whoever may start a run may have any command executed as the installation's user, so the server that `latentloop up`
starts answers nobody without it.
"""

import secrets
from pathlib import Path

from pydantic import SecretStr

from deploy.configuration.login import is_prefect_auth
from deploy.stores.errors import StoreCorrupt
from deploy.stores.faults import register
from deploy.stores.secret_file import read_secret, write_once

AUTH = register("prefect_auth.word", "the word that the Prefect server of this home asks for")

AUTH_FILE = "prefect-auth"
_USER = "latentloop"
_BYTES = 32  # 256 bits of the system's randomness


def generate_prefect_auth(folder: Path) -> SecretStr:
    """Write the word with mode 0600; one that is there already is kept and returned."""
    path = folder / AUTH_FILE
    with AUTH:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_once(path, f"{_USER}:{secrets.token_urlsafe(_BYTES)}\n".encode())
    return load_prefect_auth(folder)


def load_prefect_auth(folder: Path) -> SecretStr:
    """Read the word that `generate_prefect_auth` wrote."""
    path = folder / AUTH_FILE
    word = read_secret(path).decode(errors="replace").strip()
    if not is_prefect_auth(word):
        raise StoreCorrupt(
            f"{path}: expected `user:password` in one line; remove it, then `latentloop up` makes a new one"
        )
    return SecretStr(word)
