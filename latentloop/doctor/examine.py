"""The whole examination, in the order in which things would go wrong."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.settings import Settings, SettingsError, config_path, load_settings
from latentloop.doctor.finding import Examination, Finding, Health, look, ok, wrong
from latentloop.doctor.place import examine_place
from latentloop.doctor.servers import examine_servers
from latentloop.doctor.stores import examine_stores
from latentloop.doctor.system import examine_clock, examine_decoders, examine_packages, examine_python
from latentloop.doctor.training import examine_training
from latentloop.known_errors import say_known_error
from latentloop.runs.progress import Say

_WIDTH = 16  # letters of the longest name, and a space


def examine() -> Iterator[Finding]:
    """Every finding as it is made; without valid settings there are few. Nothing is created."""
    yield examine_python()
    yield examine_packages()
    yield examine_decoders()
    try:
        settings = load_settings()
    except (SettingsError, OSError) as error:
        lines = (say_known_error(error) or str(error)).splitlines()
        yield from (wrong("settings", line) for line in lines)
        return
    yield ok("settings", _say_file(settings))
    yield from look("clock", examine_clock, settings)
    yield from examine_place(settings)
    yield from examine_stores(settings)
    yield from look("servers", examine_servers, settings)
    yield from look("model", examine_training, settings)


def examine_aloud(say: Say) -> Examination:
    """The examination, each finding said when it is made."""
    findings = []
    for each in examine():
        say(f"{each.health:<6}{each.name:<{_WIDTH}}{each.line}")
        findings.append(each)
    return Examination(findings=tuple(findings))


def summarise(found: Examination) -> str:
    """The last line: what comes next."""
    count = sum(each.health is Health.wrong for each in found.findings)
    if count:
        return f"{count} to mend before `latentloop up`"
    return "nothing stands in the way of `latentloop up`"


def _say_file(settings: Settings) -> str:
    if settings.file is not None:
        return f"{settings.file} is valid"
    path = config_path()
    return f"no settings file ({path or 'none wanted'}): the defaults hold; `latentloop init FOLDER` writes one"
