"""The settings: environment before file before default, and nothing that is wrong passes for a default."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from data_checks.policy import InputPolicy
from deploy.configuration.training import TrainingConfig
from deploy.settings import Settings, SettingsError, load_settings
from deploy.wiring import open_orchestrator, open_registry
from tests.deploy.settled import empty_the_environment
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.training.health.early_warning import twin_recipe


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_the_environment(tmp_path, monkeypatch)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The settings file of the working directory, found without being named."""
    return tmp_path / "latentloop.toml"


def problems() -> list[str]:
    """Load what must be refused; one entry a problem."""
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return str(refused.value).splitlines()


def test_without_file_and_environment_the_defaults_are_a_laptop_installation(tmp_path: Path) -> None:
    settings = load_settings()

    assert settings.product == "image-vae"
    assert settings.ledger_url == f"sqlite:///{tmp_path / '.latentloop' / 'ledger.db'}"
    assert settings.telemetry_database == f"sqlite:///{tmp_path / '.latentloop' / 'telemetry.db'}"
    assert (settings.mlflow_url, settings.prefect_url, settings.service_url) == (None, None, None)


@pytest.mark.parametrize(
    ("in_file", "in_environment", "expected"),
    [(None, None, 1), (3, None, 3), (None, "5", 5), (3, "5", 5)],
    ids=["default", "file", "environment", "environment before file"],
)
def test_the_environment_comes_before_the_file_and_the_file_before_the_default(
    file: Path, monkeypatch: pytest.MonkeyPatch, in_file: int | None, in_environment: str | None, expected: int
) -> None:
    if in_file is not None:
        file.write_text(f"[training]\nthreads = {in_file}\n")
    if in_environment is not None:
        monkeypatch.setenv("LATENTLOOP_TRAINING__THREADS", in_environment)

    assert load_settings().training.threads == expected


def test_a_variable_replaces_one_value_of_a_table_and_leaves_its_neighbours(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[evaluation]\nn_images = 700\nseed = 4\n")
    monkeypatch.setenv("LATENTLOOP_EVALUATION__SEED", "9")

    evaluation = load_settings().evaluation

    assert (evaluation.n_images, evaluation.seed) == (700, 9)


def test_the_file_that_the_environment_names_comes_instead_of_the_one_at_hand(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('product = "at-hand"\n')
    other = tmp_path / "other.toml"
    other.write_text('product = "named"\n')
    monkeypatch.setenv("LATENTLOOP_CONFIG", str(other))

    assert load_settings().product == "named"


def test_a_named_file_that_is_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_CONFIG", str(tmp_path / "nowhere.toml"))

    assert problems() == [f"{tmp_path / 'nowhere.toml'}: no such settings file; LATENTLOOP_CONFIG names it"]


@pytest.mark.parametrize("content", [b"product = fashion", b"[training", b'product = "\xff"'])
def test_a_file_that_is_no_toml_is_refused_with_the_place(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    (problem,) = problems()

    assert problem.startswith(f"{file}: not valid TOML (")


def test_what_lies_there_and_can_be_no_settings_file_is_refused_and_never_waited_for(file: Path) -> None:
    file.symlink_to("shared.toml")
    assert problems() == [f"{file}: a link that leads nowhere (shared.toml is not there): mend the link, or remove it"]
    file.unlink()
    file.symlink_to(file.name)
    assert problems()[0].startswith(f"{file}: a link that leads nowhere (")
    file.unlink()
    file.mkdir()
    assert problems() == [f"{file}: a folder, expected a settings file: move the folder away"]
    file.rmdir()
    os.mkfifo(file)
    assert problems() == [f"{file}: a named pipe, expected a regular file: move it away"]


def test_a_link_that_leads_to_a_settings_file_is_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / "shared.toml").write_text('product = "shared"\n')
    file.symlink_to("shared.toml")

    assert load_settings().product == "shared"


def test_the_mark_that_windows_editors_put_before_a_text_is_skipped(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + 'product = "shop"\r\n# Größe\r\n'.encode())

    assert load_settings().product == "shop"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_a_file_in_another_encoding_is_one_line_that_names_ours(file: Path, encoding: str) -> None:
    file.write_bytes('product = "shop"  # Größe\n'.encode(encoding))

    (problem,) = problems()

    assert problem.startswith(f"{file}: ") and problem.endswith(": save it as UTF-8")


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


def test_one_of_a_few_numbers_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING__CHANNELS", "3")
    monkeypatch.setenv("LATENTLOOP_TRAINING__MODEL__VARIANT", "vq_vae")
    monkeypatch.setenv("LATENTLOOP_TRAINING__MODEL__CHANNELS", "3")
    monkeypatch.setenv("LATENTLOOP_GATE", '{"frechet_margin": 0.5}')

    settings = load_settings()

    assert (settings.preprocessing.channels, settings.training.model.channels) == (3, 3)
    assert settings.gate.frechet_margin == 0.5
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING__CHANNELS", "2")
    (problem,) = problems()
    assert problem.startswith("preprocessing.channels: expected 1 or 3; came '2'")


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


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:0", "cuda:12"])
def test_a_device_need_not_be_there_where_the_settings_are_read(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setenv("LATENTLOOP_TRAINING__DEVICE", device)

    assert load_settings().training.device == device


_DATABASE = "sqlite:////absolute/path.db or postgresql://user:password@host/name"
_OBJECTS = "s3://bucket/prefix, file:///folder or the path of a folder"
_WEB = "http://host:port or https://host"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        *(("database_url", value, _DATABASE) for value in ("foo", "sqlite://foo.db", "sqlite:foo.db", "sqlite:///")),
        *(("database_url", value, _DATABASE) for value in ("mysql://host/name", "postgres://host/x", "postgresql://")),
        ("database_url", "postgresql://host:port/name", _DATABASE),
        ("telemetry_url", "foo", _DATABASE),
        *(("objects_url", value, _OBJECTS) for value in ("s3://", "s3:///prefix", "s3:bucket", "gs://bucket")),
        *(("objects_url", value, _OBJECTS) for value in ("https://bucket.example", "file://host/folder")),
        *(("mlflow_url", value, _WEB) for value in ("http://", "http:///x", "http://host:port", "https://a host")),
        ("prefect_url", "http://:4200/api", _WEB),
        ("service_url", "https://", _WEB),
        ("s3.endpoint_url", "seaweed", _WEB),
    ],
)
def test_an_address_that_can_be_none_is_refused_with_the_forms_that_are_right(
    file: Path, name: str, value: str, expected: str
) -> None:
    table, _, word = name.rpartition(".")
    file.write_text(f'{f"[{table}]" if table else ""}\n{word} = "{value}"\n')

    (problem,) = problems()

    assert problem == f"{name}: expected {expected}; came {value!r} (set by {file})"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "postgresql://us:p/w@d@host:5432/name?sslmode=require"),
        ("database_url", "postgresql+psycopg://host/name"),
        ("database_url", "postgresql:///name?host=/run/postgresql"),
        ("telemetry_url", "sqlite:////var/lib/rows.db"),
        ("objects_url", "s3://bucket"),
        ("objects_url", "file:///srv/objects"),
        ("mlflow_url", "https://me:hush@[::1]:5000/path"),
        ("prefect_url", "https://api.prefect.cloud/api/accounts/x/workspaces/y"),
    ],
)
def test_an_address_that_may_be_one_stays_as_it_is(file: Path, name: str, value: str) -> None:
    file.write_text(f'{name} = "{value}"\n')

    assert getattr(load_settings(), name) == value


@pytest.mark.parametrize("value", ["postgresql//me:hush@host/x", "postgresql:me:hush@host/x", "mysql://me:hush@host/x"])
def test_the_password_of_an_address_that_is_refused_is_not_printed(file: Path, value: str) -> None:
    file.write_text(f'database_url = "{value}"\n')

    (problem,) = problems()

    assert "hush" not in problem and "@host/x" in problem


def test_all_problems_of_file_and_environment_are_said_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("clock_factor = 2\n[gate]\nbonus = 1\n[evaluation]\nn_images = 5\n")
    monkeypatch.setenv("LATENTLOOP_TRAINING__THREADS", "0")
    monkeypatch.setenv("LATENTLOOP_PRODCUT", "x")

    places = sorted(each.split(":")[0] for each in problems())

    assert places == ["LATENTLOOP_PRODCUT", "clock_factor", "evaluation.n_images", "gate.bonus", "training.threads"]


def test_a_secret_is_usable_and_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_S3__ACCESS_KEY", "key-1234")
    monkeypatch.setenv("LATENTLOOP_S3__SECRET_KEY", "hush-5678")

    settings = load_settings()

    assert settings.s3.secret_key is not None
    assert settings.s3.secret_key.get_secret_value() == "hush-5678"
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert "key-1234" not in shown
        assert "hush-5678" not in shown


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


def test_settings_cannot_be_changed_once_they_are_built() -> None:
    settings = load_settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.product = "other"  # type: ignore[misc]


def test_no_library_phones_home_unless_it_was_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DO_NOT_TRACK")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")

    load_settings()

    assert os.environ["DO_NOT_TRACK"] == "1"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"


def test_a_neighbour_that_is_not_known_yet_says_how_it_gets_known() -> None:
    settings = Settings()

    with pytest.raises(SettingsError, match="mlflow_url is not set: start `latentloop up`, or set LATENTLOOP_MLFLOW_U"):
        open_registry(settings)
    with pytest.raises(SettingsError, match="prefect_url is not set: start `latentloop up`, or set LATENTLOOP_PREFECT"):
        open_orchestrator(settings)


def test_the_default_model_is_a_vq_vae_with_a_prior_over_its_codes() -> None:
    training = load_settings().training
    assert isinstance(training.model, VqVaeConfig)
    config = training.code_prior.config_for(training.model)
    assert (config.grid, config.codebook_size) == ((7, 7), 512)
    assert (training.code_prior.recipe.budget.amount, training.code_prior.recipe.budget.unit) == (300, "seconds")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "[training.model]\nlatent_dim = 16\n",
            r'^training\.model\.latent_dim: .*a conv_vae has it, a vq_vae does not: say variant = "conv_vae", or',
        ),
        ("[training.model]\nvariant = 'vq_gan'\n", r"^training\.model: .*'conv_vae', 'vq_vae'; came 'vq_gan'"),
        # a baseline of vae_core, which is not served
        ("[training.model]\nvariant = 'conv_ae'\n", r"^training\.model: (?=.*conv_vae)(?=.*vq_vae).*\bconv_ae\b"),
        ("[training.code_prior]\nheads = 3\n", r"^training: .*code_prior over \(7, 7\) codes .*128 .* 3 heads"),
        (
            "[preprocessing]\nheight = 512\nwidth = 512\n"
            "[training.model]\nvariant = 'vq_vae'\nheight = 512\nwidth = 512\n",
            r"^training: .*code_prior over \(128, 128\) codes of 512: grid must be 1 to 64 codes a side, came 128",
        ),
        (
            "[training.model]\nvariant = 'vq_vae'\ncodebook_size = 8192\n",
            r"^training: .*codebook_size 8192 is more than the 6272 tokens of a batch of 128 images \(7 x 7 each",
        ),
    ],
)
def test_a_model_or_a_prior_that_cannot_be_is_one_line(file: Path, content: str, said: str) -> None:
    file.write_text(content)
    (problem,) = problems()
    assert re.search(said, problem), problem


def test_a_network_that_names_no_variant_is_of_the_default_one(file: Path) -> None:
    file.write_text("[preprocessing]\nheight = 32\n[training.model]\nwidths = [8, 16]\n")
    model = load_settings().training.model
    assert isinstance(model, VqVaeConfig)
    assert (model.widths, model.shape) == ((8, 16), (1, 32, 32))


def test_a_prior_over_codes_must_fit_though_a_vae_is_trained_since_the_champion_may_have_codes(file: Path) -> None:
    file.write_text("[training.model]\nvariant = 'conv_vae'\nlatent_dim = 16\n")
    model = load_settings().training.model
    assert isinstance(model, ConvVaeConfig) and model.latent_dim == 16
    file.write_text("[training.model]\nvariant = 'conv_vae'\n[training.code_prior]\nheads = 3\n")
    with pytest.raises(SettingsError, match="128 is not a multiple of 3 heads"):
        load_settings()


def test_the_full_tier_looks_out_for_a_collapse_by_default() -> None:
    full = load_settings().training.full
    assert (full.snapshots, full.mutual_information_every_steps, full.twin_share) == (4, 8_000, 0.1)
    assert (full.budget.amount, full.budget.unit) == (40, "epochs")


def test_the_full_tier_warms_up_for_five_epochs_and_its_twin_for_a_quarter_of_them() -> None:
    full = load_settings().training.full
    assert (full.kl_warmup_unit, full.kl_warmup_share * full.budget.amount) == ("share", 5)
    twin = twin_recipe(full, full.twin_share, steps_per_epoch=468)
    assert twin.kl_warmup_share * twin.budget.amount == 1.25
    assert twin.budget.amount == pytest.approx(4)


def test_a_table_of_a_tier_changes_what_it_names(file: Path) -> None:
    shorter = "[training.incremental.budget]\namount = 3\n"
    file.write_text("[training.full]\nsnapshots = 2\nbudget = {amount = 1}\n" + shorter)
    training, default = load_settings().training, TrainingConfig()
    one, three = (default.full.budget.model_copy(update={"amount": amount}) for amount in (1, 3))
    assert training.full == default.full.model_copy(update={"snapshots": 2, "budget": one})
    assert training.incremental == default.incremental.model_copy(update={"budget": three})
    assert training.incremental.trains == "decoder"
    assert training.emergency == default.emergency


def test_a_table_that_contradicts_its_tier_is_one_line(file: Path) -> None:
    file.write_text("[training.incremental]\nlearning_rate = 1e-6\n")
    (problem,) = problems()
    assert "final_learning_rate 1e-05 is above learning_rate 1e-06" in problem


@pytest.mark.parametrize("word", ["secret-without-a-user", "user:", ":secret", "user:sec ret\n"])
def test_a_word_for_prefect_that_is_no_user_and_password_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("LATENTLOOP_PREFECT_AUTH", word)

    (said,) = problems()

    assert said.startswith("prefect_auth: ")
    assert "expected `user:password` in ASCII" in said
    assert said.endswith("(set by LATENTLOOP_PREFECT_AUTH)")
    assert "sec" not in said.lower()


def test_a_password_in_the_address_of_prefect_is_refused_without_being_shown(file: Path) -> None:
    file.write_text('prefect_url = "https://me:hidden@prefect.example/api"\n')

    (said,) = problems()

    assert "prefect_url: expected no password in the URL; set prefect_auth to `user:password`" in said
    assert "hidden" not in said


def test_the_word_for_prefect_is_not_in_what_is_printed_of_the_settings(file: Path) -> None:
    file.write_text('prefect_url = "https://prefect.example/api"\nprefect_auth = "me:hidden"\n')

    settings = load_settings()

    assert settings.prefect_auth is not None and settings.prefect_auth.get_secret_value() == "me:hidden"
    assert "hidden" not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize(("resize", "fit"), [("antialias", "stretch"), ("refuse", "refuse")])
def test_a_file_of_the_release_before_is_told_in_one_line_what_to_write(file: Path, resize: str, fit: str) -> None:
    file.write_text(f'[preprocessing]\nresize = "{resize}"\n')

    (problem,) = problems()
    assert problem.startswith(f'preprocessing: resize is called fit now: write fit = "{fit}" in its place')
    file.write_text(f'[preprocessing]\nschema_version = 1\nresize = "{resize}"\n')
    assert (load_settings().preprocessing.fit, load_settings().preprocessing.converts) == (fit, False)
