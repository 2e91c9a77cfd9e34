"""The certificate authorities that this process trusts, read once: for each client of httpx it takes 25 CPU-ms."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """What httpx itself would read for each client, also for one that only speaks plain HTTP; for `verify`."""
    return httpx.create_ssl_context()
