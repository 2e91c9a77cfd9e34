"""What is wrong with settings, in one line a problem: a renamed key names its successor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from data_checks.policy import InputPolicy
from deploy.configuration.fields import read_fields
from deploy.configuration.origins import NOTHING_SAID, gather_said
from deploy.configuration.problems import RENAMED, find_unknown_variables, say_problem, say_problems
from deploy.settings import Settings, SettingsError, load_settings
from tests.deploy.settled import problems

TABLE = {"drift.alarm_days": "drift.budget_days", "name": "product"}
FIELDS = read_fields(Settings)


def _said(content: dict[str, object]) -> list[str]:
    told = gather_said({}, "LATENTLOOP_", content, Path("/shop/latentloop.toml"), {})
    try:
        Settings.model_validate(content)
    except ValidationError as error:
        return [say_problem(each, told, FIELDS, TABLE) for each in error.errors()]  # type: ignore[arg-type]
    return []


pytestmark = pytest.mark.usefixtures("file")


def test_a_renamed_key_names_its_successor() -> None:
    assert _said({"drift": {"alarm_days": 60}, "name": "shoes"}) == [
        "drift.alarm_days: renamed to drift.budget_days; write that instead (set by /shop/latentloop.toml)",
        "name: renamed to product; write that instead (set by /shop/latentloop.toml)",
    ]


def test_a_renamed_variable_names_its_successor_and_others_stay_unknown() -> None:
    environment = {"LATENTLOOP_NAME": "shoes", "LATENTLOOP_PRODCUT": "shoes", "HOME": "/"}
    found = find_unknown_variables(environment, "LATENTLOOP_", FIELDS, (), TABLE)

    assert found["name"] == "LATENTLOOP_NAME: renamed; set LATENTLOOP_PRODUCT instead"
    assert [*found] == ["name", "prodcut"]
    assert "unknown setting" in found["prodcut"]


def test_a_key_that_was_never_one_is_not_called_renamed() -> None:
    (said,) = _said({"nom": "shoes"})
    assert "renamed" not in said
    assert said.startswith("nom: unknown setting")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('input_policy.formats = ["HEIC"]', ["input_policy.formats.0: expected 'PNG', "]),
        ("input_policy.formats = []", ["input_policy.formats: expected at least 1 entries; came []"]),
        ("preprocessing.height = true", ["preprocessing.height: expected a whole number; came True"]),
        ("preprocessing.width = 3", ["preprocessing.width: expected at least 4; came 3"]),
        (
            "preprocessing.height = 2\npreprocessing.width = 3",
            ["preprocessing.height: expected at least 4; came 2", "preprocessing.width: expected at least 4; came 3"],
        ),
        ("serving.decode_wait_s = false", ["serving.decode_wait_s: expected a number; came False"]),
    ],
)
def test_a_fault_is_told_once_and_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, expected: list[str]
) -> None:
    (tmp_path / "latentloop.toml").write_text(lines)
    monkeypatch.setenv("LATENTLOOP_CONFIG", str(tmp_path / "latentloop.toml"))
    with pytest.raises(SettingsError) as caught:
        load_settings()
    said = str(caught.value).splitlines()
    assert [line[: len(start)] for line, start in zip(said, expected, strict=True)] == expected


def test_sides_that_a_program_says_itself_are_both_told() -> None:
    errors = [
        {"type": "greater_than_equal", "loc": ("preprocessing", each), "input": 3, "ctx": {"ge": 4}}
        for each in ("height", "width")
    ]
    assert len(say_problems(errors, NOTHING_SAID, FIELDS)) == 2


def test_every_successor_is_a_setting_of_today_and_no_old_key_is() -> None:
    assert _wrong(RENAMED) == []
    assert _wrong({"name": "product", "drift.days": "drift.nothing", "home": "product"}) == ["drift.days", "home"]


def _wrong(table: Mapping[str, str]) -> list[str]:
    return [old for old, new in table.items() if not _is_setting(new.split(".")) or _is_setting(old.split("."))]


def _is_setting(parts: list[str], model: type[BaseModel] = Settings) -> bool:
    field = model.model_fields.get(parts[0])
    if field is None or len(parts) == 1:
        return field is not None
    return isinstance(field.annotation, type) and _is_setting(parts[1:], field.annotation)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("colour = 1", "colour: unknown setting; came 1; `latentloop settings --defaults` lists them all"),
        (
            "[gate]\nrecon_margin = 0.1",
            "gate.recon_margin: unknown setting; came 0.1; "
            "did you mean gate.recon_error_margin or gate.frechet_margin or gate.kernel_margin?",
        ),
        (
            "[training.full.budget]\namount = 3\nunit = 'epochs'\nunits = true",
            "training.full.budget.units: unknown setting; came True; did you mean training.full.budget.unit?",
        ),
        ("[serving]\nprot = 1", "serving.prot: unknown setting; came 1; did you mean serving.port?"),
        # in the wrong table, with a dash, a table by another name, and a word of the other variant
        ("min_variance = 0.1", "min_variance: unknown setting; came 0.1; did you mean input_policy.min_variance?"),
        ("clock-factor = 1", "clock-factor: unknown setting; came 1; did you mean clock_factor?"),
        ("[preprocess]\nheight = 32", "preprocess: unknown setting; did you mean preprocessing?"),
        (
            "[training.model]\nvariant = 'vq_vae'\nlatent_dim = 16",
            "training.model.latent_dim: unknown setting; came 16; a conv_vae has it, a vq_vae does not: "
            'say variant = "conv_vae", or leave it out',
        ),
    ],
)
def test_an_unknown_word_in_the_file_is_refused_at_every_depth_with_what_was_meant(
    file: Path, content: str, expected: str
) -> None:
    file.write_text(content)

    assert problems() == [f"{expected} (set by {file})"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LATENTLOOP_PRODCUT", "did you mean LATENTLOOP_PRODUCT?"),
        ("latentloop_prodcut", "did you mean LATENTLOOP_PRODUCT?"),
        ("LATENTLOOP_TRAINING_THREADS", "did you mean LATENTLOOP_TRAINING__THREADS?"),
        ("LATENTLOOP_TRAINING__TREADS", "did you mean LATENTLOOP_TRAINING__THREADS?"),
        ("LATENTLOOP_DRIFT__COOLDOWN", "did you mean LATENTLOOP_DRIFT__COOLDOWN_S?"),
        ("LATENTLOOP_MIN_VARIANCE", "did you mean LATENTLOOP_INPUT_POLICY__MIN_VARIANCE?"),
        # pydantic-settings takes no notice of a word within a text
        ("LATENTLOOP_PRODUCT__NAME", "did you mean LATENTLOOP_PRODUCT?"),
        ("LATENTLOOP_COLOUR", "`latentloop settings --defaults` lists them all"),
    ],
)
def test_an_unknown_variable_is_refused_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "hush-5678")

    assert problems() == [f"{name}: unknown setting in the environment; {meant}"]


FORMATS = json.dumps(InputPolicy().formats)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SERVING", "fast", "expected a table as JSON; say LATENTLOOP_SERVING__WORD for each of its words"),
        ("INPUT_POLICY__FORMATS", "PNG", f"expected a list as JSON, such as {FORMATS}"),
        ("INPUT_POLICY__FORMATS", "[PNG]", f"expected a list as JSON, such as {FORMATS}"),
    ],
)
def test_a_table_or_a_list_that_is_no_json_is_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(f"LATENTLOOP_{name}", value)

    assert problems() == [f"LATENTLOOP_{name}: {expected}"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CLOCK_FACTOR", "0", "clock_factor: expected more than 0; came '0'"),
        ("CLOCK_FACTOR", "1.5", "clock_factor: expected at most 1; came '1.5'"),
        ("PRODUCT", "../up", "product: expected text that matches ^[A-Za-z0-9]"),
        ("MLFLOW_URL", "localhost:5000", "mlflow_url: expected text that matches ^https?:// (the MLflow server;"),
        ("TRAINING__CLOCK", "sundial", "training.clock: expected 'wall' or 'cpu'; came"),
        ("TRAINING__DEVICE", "banana", "training.device: expected text that matches ^(cpu|cuda"),
        ("TRAINING__DEVICE", "cuda:01", "training.device: expected text that matches ^(cpu|cuda"),
        ("TRAINING__DEVICE", "cuda:", "training.device: expected text that matches ^(cpu|cuda"),
        ("TRAINING__DEVICE", "meta", "training.device: expected text that matches ^(cpu|cuda"),
        ("TRAINING__THREADS", "many", "training.threads: expected a whole number; came"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_its_place_its_bound_and_itself(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(f"LATENTLOOP_{name}", value)

    (problem,) = problems()

    assert problem.startswith(expected)
    assert repr(value) in problem
    assert problem.endswith(f"(set by LATENTLOOP_{name})")


def test_a_secret_that_stands_in_the_wrong_place_is_not_printed_in_the_refusal(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('[s3]\nsecret_key = ["hush-5678"]\naccess_keys = "key-1234"\n')

    shown = "\n".join(problems())

    assert "s3.secret_key" in shown
    assert "s3.access_keys" in shown
    assert "hush-5678" not in shown
    assert "key-1234" not in shown


@pytest.mark.parametrize("word", ["databse_url", "mlflow_url"])
def test_a_password_within_an_address_is_not_printed_in_the_refusal(file: Path, word: str) -> None:
    file.write_text(f'{word} = "postgresql://us:a/b@hush-5678@host/db?sslpassword=hush-5678"\n')

    (problem,) = problems()

    assert problem.startswith(f"{word}: ")
    assert "came 'postgresql://********@host/db?sslpassword=********'" in problem
    assert "hush-5678" not in problem
