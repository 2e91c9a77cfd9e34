"""The settings in force: who said each of them, and no secret among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.configuration.origins import DEFAULT
from deploy.configuration.reference import read_defaults
from tests.deploy.configuration.by_name import in_force

pytestmark = pytest.mark.usefixtures("file")


def test_nothing_is_said_where_nobody_says_anything() -> None:
    found = in_force()
    assert {each.origin for each in found.values()} == {DEFAULT}
    assert not any(each.differs for each in found.values())


def test_of_a_model_the_words_of_its_variant_are_in_force(file: Path) -> None:
    file.write_text('[training.model]\nvariant = "conv_vae"\nlatent_dim = 16\n')

    found = in_force()

    assert (found["training.model.latent_dim"].value, found["training.model.latent_dim"].differs) == (16, True)
    assert "training.model.codebook_size" not in found
    assert "training.model.codebook_size" in {
        each.field.name for table in read_defaults() for each in table.settings
    }  # fmt: skip


def test_a_secret_is_stars_and_its_origin_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(
        'database_url = "postgresql://us:hush-1@host/db"\nmlflow_url = "https://hush-2@host/?api_token=hush-3&x=1"\n'
        '[s3]\nsecret_key = "hush-4"\n'
    )
    monkeypatch.setenv("LATENTLOOP_S3__ACCESS_KEY", "hush-5")

    found = in_force()

    assert found["database_url"].value == "postgresql://********@host/db"
    assert found["mlflow_url"].value == "https://********@host/?api_token=********&x=1"
    assert (found["s3.secret_key"].value, found["s3.secret_key"].origin) == ("********", str(file))
    assert (found["s3.access_key"].value, found["s3.access_key"].origin) == ("********", "LATENTLOOP_S3__ACCESS_KEY")
    assert "hush" not in repr(found)


def test_a_secret_that_nobody_gave_is_not_set() -> None:
    assert in_force()["s3.secret_key"].value is None
