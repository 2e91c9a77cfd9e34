"""What a user, a neighbour or the system can cause, in the words that go to a person; the rest is a mistake of ours."""

from __future__ import annotations

from latentloop.system_errors import say_system_error


def say_known_error(error: Exception) -> str | None:
    """What to tell the user; None for a mistake of ours."""
    import httpx

    from data_checks.errors import DataChecksError
    from deploy.settings import SettingsError
    from deploy.stores.errors import StoreError
    from latentloop.errors import FrontDoorError
    from vae_core.errors import VaeCoreError

    if isinstance(error, DataChecksError | SettingsError | StoreError | FrontDoorError | VaeCoreError):
        return str(error)
    if isinstance(error, OSError):
        return say_system_error(error)
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.request.url} answered {error.response.status_code}: {error.response.text[:200]}"
    if isinstance(error, httpx.RequestError):
        return f"{error.request.url} did not answer ({error}): is it up? Its log is in the folder `logs` of the home"
    return None
