"""User and password in one word, as Prefect's server asks for them."""

from __future__ import annotations


def is_prefect_auth(word: str) -> bool:
    """Is this `user:password`, neither of them empty and without a break?

    >>> is_prefect_auth("latentloop:secret"), is_prefect_auth("secret")
    (True, False)
    """
    user, _, password = word.partition(":")
    return bool(user and password) and word.isprintable() and word.isascii()
