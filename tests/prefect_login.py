"""How a test asks the Prefect server of an installation by itself."""

from __future__ import annotations

from deploy.settings import Settings


def prefect_login(settings: Settings) -> tuple[str, str] | None:
    """User and password for the server of the settings; None where it asks for none."""
    if settings.prefect_auth is None:
        return None
    user, _, password = settings.prefect_auth.get_secret_value().partition(":")
    return user, password
