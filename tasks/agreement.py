"""The first step of every flow: this worker works with the settings of its installation, or not at all."""

from __future__ import annotations

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from deploy.wiring import World


@task(cache_policy=NO_CACHE)
def agree_on_settings(world: World) -> str:
    """The digest that this run works with; `SettingsDiffer` names what a worker was told otherwise."""
    from deploy.configuration.digest import SHORT, settings_digest
    from deploy.configuration.in_force import require_agreement

    way_out = "give this worker the settings of the installation (latentloop.toml, LATENTLOOP_*)"
    require_agreement(world.ledger, world.settings, way_out)
    digest = settings_digest(world.settings)
    get_run_logger().info("settings %s of %s", digest[:SHORT], world.settings.file_name)
    return digest
