"""The servers: those that the settings name answer and are what they should be, for the others a port is free."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import httpx

from deploy.configuration.digest import settings_digest
from deploy.settings import Settings
from latentloop.doctor.finding import Finding, look, note, ok, wrong
from latentloop.installation.addresses import is_port_named, usual_ports, wanted_ports
from latentloop.installation.running import read_installation
from latentloop.supervisor.ports import port_is_free
from latentloop.supervisor.probes import works_with
from latentloop.supervisor.pulse import Sign

ANSWER_S = 5.0
APART_S = 60.0
"""Two clocks that differ by more make times in the ledger and at the servers a riddle; S3 refuses at 900 s."""


def examine_servers(settings: Settings) -> Iterator[Finding]:
    """MLflow, Prefect and the service, each as a server of others or by the port of our own."""
    running = read_installation(settings.home) is not None
    examined = {"mlflow_url": _examine_mlflow, "prefect_url": _examine_prefect, "service_url": _examine_service}
    for name, examine in examined.items():
        if getattr(settings, name) is not None:
            yield from look(name.removesuffix("_url"), examine, settings)
        elif not running:
            yield from look(name.removesuffix("_url"), _examine_port, settings, name)


def _examine_port(settings: Settings, name: str) -> Finding:
    server = name.removesuffix("_url")
    usual = usual_ports(settings)[name]
    wanted = [port for port in wanted_ports(settings, name, usual) if port]
    free = next((port for port in wanted if port_is_free(port)), None)
    if not wanted or free == wanted[0]:
        as_before = ", as before" if free not in (None, usual) else ""
        return ok(server, f"to be started here, on port {free or 'of the kernel’s choice'}{as_before}")
    if name == "service_url" and is_port_named(settings):
        return wrong(
            server,
            f"serving.port {wanted[0]} is in use: end what listens there, or set LATENTLOOP_SERVING__PORT to another",
        )
    takes = f"takes {free}" if free else "takes another one"
    return note(server, f"to be started here; port {wanted[0]} is in use by another process, so it {takes}")


def _examine_mlflow(settings: Settings) -> Finding:
    url = str(settings.mlflow_url).rstrip("/")
    told = _ask("mlflow", f"{url}/version")
    if isinstance(told, Finding):
        return told
    if not told.text.strip()[:1].isdigit():
        return wrong("mlflow", f"{url} answers, but not as an MLflow server: correct mlflow_url")
    asked = _ask("mlflow", f"{url}/api/2.0/mlflow/registered-models/search?max_results=1")
    if isinstance(asked, Finding):
        return asked
    return _judge_clock("mlflow", told, f"{url} answers (MLflow {told.text.strip()})")


def _examine_prefect(settings: Settings) -> Finding:
    url = str(settings.prefect_url).rstrip("/")
    word = None if settings.prefect_auth is None else settings.prefect_auth.get_secret_value()
    told = _ask("prefect", f"{url}/admin/version", word)
    if isinstance(told, Finding):
        return told
    there, here = told.text.strip().strip('"'), version("prefect")
    if not there[:1].isdigit():
        return wrong("prefect", f"{url} answers, but not as Prefect's API: prefect_url ends in /api")
    if there.split(".")[:2] != here.split(".")[:2]:
        return note("prefect", f"{url} is Prefect {there}, the library here is {here}: keep both at one minor version")
    return _judge_clock("prefect", told, f"{url} answers (Prefect {there})")


def _examine_service(settings: Settings) -> Finding:
    heard = works_with(f"{settings.service_url}/readyz", settings_digest(settings))(datetime.now(UTC))
    if heard.sign is Sign.alive:
        return ok("service", f"{settings.service_url} answers, and works with these settings")
    return wrong("service", f"{heard.reason}: start it with these settings, or leave service_url out")


def _ask(name: str, url: str, auth: str | None = None) -> httpx.Response | Finding:
    """The answer of a server, or what is wrong with it."""
    user, _, password = (auth or "").partition(":")
    try:
        answer = httpx.get(url, timeout=ANSWER_S, auth=(user, password) if auth else None)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = str(error) or type(error).__name__
        return wrong(name, f"{url} does not answer ({said}): start it, or leave {name}_url out and `up` starts one")
    if answer.status_code in (401, 403):
        return wrong(name, f"{url} wants other credentials ({answer.status_code}): {_CREDENTIALS[name]}")
    if not answer.is_success:
        return wrong(name, f"{url} answered {answer.status_code}: is {name}_url that of {name.capitalize()}?")
    return answer


_CREDENTIALS = {
    "mlflow": "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    "prefect": "set LATENTLOOP_PREFECT_AUTH to `user:password`",
}


def _judge_clock(name: str, answer: httpx.Response, line: str) -> Finding:
    """Does that machine's clock agree with this one?"""
    try:
        there = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return ok(name, line)
    apart_s = abs((datetime.now(UTC) - there).total_seconds())
    if apart_s > APART_S:
        return note(name, f"{line}; its clock is {apart_s:,.0f} s apart from this machine's: set one of them")
    return ok(name, line)
