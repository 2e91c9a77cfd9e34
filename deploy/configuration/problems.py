"""What is wrong with settings, one line a problem: where, what was expected, what came, who said it. No secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deploy.configuration.fields import SettingField
from deploy.configuration.following import FOLLOWED
from deploy.configuration.near import ask, find_near
from deploy.configuration.origins import Said, dotted, is_list_in, is_ours, table_in

SECRET_WORDS = ("key", "secret", "token", "password", "auth")
STARS = "********"

RENAMED: Mapping[str, str] = {
    "preprocessing.resize": "preprocessing.fit",
    "controller.golden_tolerance": "serving.golden_tolerance",
    "delivery.frechet_margin": "delivery.reconstruction_frechet_margin",
    "drift.watch_checks_a_day": "drift.screenings_a_day",
    "drift.watch_every_requests": "drift.screening_every_requests",
    "drift.watch_every_s": "drift.screening_every_s",
    "gate.lost_cell_ratio": "gate.lost_cluster_ratio",
    "gate.lost_cell_min_images": "gate.lost_cluster_min_images",
    "drift.max_latency_p99_ms": "delivery.max_latency_p99_ms",
}
"""Old dotted key -> its successor, so that who upgrades is told the new word."""

_EXPECTED = {
    "int_parsing": "a whole number", "int_type": "a whole number", "int_from_float": "a whole number",
    "float_parsing": "a number", "float_type": "a number", "finite_number": "a finite number",
    "bool_parsing": "true or false", "bool_type": "true or false",
    "string_type": "text", "path_type": "a path", "tuple_type": "a list", "list_type": "a list",
    "model_type": "a table", "model_attributes_type": "a table", "dict_type": "a table",
    "greater_than": "more than {gt}", "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}", "less_than_equal": "at most {le}",
    "literal_error": "{expected}", "string_pattern_mismatch": "text that matches {pattern}",
    "too_short": "at least {min_length} entries", "too_long": "at most {max_length} entries",
    "string_too_short": "at least {min_length} letters", "missing": "a value beside the other words of its table",
    "union_tag_invalid": "variant = {expected_tags}",
}  # fmt: skip
"""By the kinds of pydantic's errors; any other speaks for itself."""
_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def find_unknown_variables(
    environment: Mapping[str, str],
    prefix: str,
    fields: Sequence[SettingField],
    others: Sequence[str],
    renamed: Mapping[str, str] = RENAMED,
) -> dict[str, str]:
    """One line for each variable that is no setting, by its dotted name; `others` are of ours and no settings.

    pydantic-settings ignores a misspelt variable; a misspelt threshold must not pass for the default.
    """
    tables, leaves = _tables(fields), {each.name: each for each in fields}
    found = {}
    for variable in sorted(name for name in environment if is_ours(name, prefix) and name not in others):
        place = dotted(variable, prefix)
        if place in tables:
            if table_in(environment[variable]) is None:
                found[place] = f"{variable}: expected a table as JSON; say {variable}__WORD for each of its words"
        elif place in renamed:
            found[place] = f"{variable}: renamed; set {as_variable(renamed[place], prefix)} instead"
        elif place not in leaves:
            value = place.rpartition(".")[0]  # of a setting that is no table
            meant = (value,) if value in leaves else find_near(place, [*tables, *leaves])
            near = [as_variable(each, prefix) for each in meant]
            found[place] = f"{variable}: unknown setting in the environment{ask(near) or SEE}"
        elif leaves[place].many and not is_list_in(environment[variable]):
            example = json.dumps(leaves[place].default or [32, 64])
            found[place] = f"{variable}: expected a list as JSON, such as {example}"
    return found


def say_problem(
    error: Mapping[str, Any], said: Said, fields: Sequence[SettingField], renamed: Mapping[str, str] = RENAMED
) -> str:
    """One of pydantic's errors."""
    variant, place = _split(error["loc"])
    came = _came(error, place)
    if error["type"] == "extra_forbidden" and place in renamed:
        problem = f"renamed to {renamed[place]}; write that instead"
    elif error["type"] == "extra_forbidden":
        problem = f"unknown setting{came}{_meant(place, variant, fields)}"
    else:
        problem = f"{_expected(error, place, fields)}{came}"
    tellers = said.tellers(place) if place else ()
    by = f" (set by {' and '.join(tellers)})" if tellers else ""
    return f"{place or 'settings'}: {problem}{by}"


def say_problems(errors: Iterable[Mapping[str, Any]], said: Said, fields: Sequence[SettingField]) -> list[str]:
    """Those of pydantic's errors that a person can mend, a line each; what only follows from another is left out."""
    told = list(errors)
    places = [place_of(each) for each in told]
    return [
        say_problem(each, said, fields)
        for each in told
        if not (_is_short_of_refused(each, places) or _is_repeated(each, told, said))
    ]


def place_of(error: Mapping[str, Any]) -> str:
    """The dotted name of what one of pydantic's errors is about; empty where it is about all settings together."""
    return _split(error["loc"])[1]


def mask(text: str) -> str:
    """The text without the user and password of any URL in it, nor the values of its parameters that are secrets."""
    parameters = "|".join(SECRET_WORDS)
    # up to the last @: a password may hold one, and a slash
    text = re.sub(r"://\S+@", f"://{STARS}@", text)
    return re.sub(rf"(?i)([?&][^=&\s]*(?:{parameters})[^=&\s]*=)[^&\s'\"]+", rf"\g<1>{STARS}", text)


def as_variable(name: str, prefix: str) -> str:
    """`training.threads` as `LATENTLOOP_TRAINING__THREADS`."""
    return f"{prefix}{name.upper().replace('.', '__')}"


SEE = "; `latentloop settings --defaults` lists them all"


def _is_short_of_refused(error: Mapping[str, Any], places: Sequence[str]) -> bool:
    """Is a list called too short because its entries were refused, each of which has its own line?"""
    place = place_of(error)
    return error["type"] == "too_short" and any(each.startswith(f"{place}.") for each in places)


def _is_repeated(error: Mapping[str, Any], told: Sequence[Mapping[str, Any]], said: Said) -> bool:
    """Is it the fault of the setting that this one follows, because nobody said this one?"""
    place = place_of(error)
    if said.says(place):
        return False
    followed = [each for each in FOLLOWED.get(place, ()) if said.says(each)]
    return any(place_of(each) in followed and each["type"] == error["type"] for each in told)


def _expected(error: Mapping[str, Any], place: str, fields: Sequence[SettingField]) -> str:
    if isinstance(error["input"], bool) and error["type"] in _BOUNDS:
        # pydantic takes true for 1 and compares that with the bound
        return f"expected {next((each.kind for each in fields if each.name == place), 'a number')}"
    if error["type"] not in _EXPECTED:
        return str(error["msg"]).removeprefix("Value error, ")
    expected = f"expected {_EXPECTED[error['type']].format(**_worded(error.get('ctx', {})))}"
    described = [each.description for each in fields if each.name == place and each.description]
    # a pattern alone is read by few
    return f"{expected} ({described[0]})" if described and error["type"] == "string_pattern_mismatch" else expected


def _meant(place: str, variant: str, fields: Sequence[SettingField]) -> str:
    having = [each.variant for each in fields if each.name == place]
    if having and variant:
        way_out = f'say variant = "{having[0]}", or leave it out'
        return f"; a {' or a '.join(having)} has it, a {variant} does not: {way_out}"
    known = [each.name for each in fields if not variant or each.variant in ("", variant)]
    return ask(find_near(place, [*_tables(fields), *known])) or SEE


def _came(error: Mapping[str, Any], place: str) -> str:
    # a secret under a misspelt name or of a wrong type is a secret still
    value = error["input"]
    if isinstance(value, dict) and error["type"] == "union_tag_invalid":
        value = error["ctx"]["tag"]
    if isinstance(value, dict) or any(word in place.lower() for word in SECRET_WORDS):
        return ""
    if place.endswith("_url") and isinstance(value, str) and "://" not in value and "@" in value:
        value = f"{STARS}@{value.rpartition('@')[2]}"  # a URL with a typing error, and a password all the same
    return f"; came {mask(repr(value))}"


def _split(location: tuple[str | int, ...]) -> tuple[str, str]:
    """The variant of a model, which pydantic puts between the words, and the place that the file has."""
    variant = ""
    if location[:2] == ("training", "model") and len(location) > 2:
        variant, location = str(location[2]), (*location[:2], *location[3:])
    return variant, ".".join(str(part) for part in location)


def _tables(fields: Sequence[SettingField]) -> tuple[str, ...]:
    """Every table, those between included: `training.code_prior.recipe.budget` is four."""
    parts = [each.table.split(".") for each in fields if each.table]
    return tuple(dict.fromkeys(".".join(each[:depth]) for each in parts for depth in range(1, len(each) + 1)))


def _worded(context: Mapping[str, Any]) -> dict[str, str]:
    return {name: f"{each:g}" if isinstance(each, float) else str(each) for name, each in context.items()}
