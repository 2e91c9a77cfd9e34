"""The word for a Prefect server of our own: made once, for this user alone, and never shown."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deploy.stores.errors import ObjectMissing, StoreCorrupt
from deploy.stores.prefect_auth import AUTH_FILE, generate_prefect_auth, load_prefect_auth


def test_the_word_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"

    first = generate_prefect_auth(folder)

    assert generate_prefect_auth(folder) == first == load_prefect_auth(folder)
    assert stat.S_IMODE((folder / AUTH_FILE).stat().st_mode) == 0o600
    assert [each.name for each in folder.iterdir()] == [AUTH_FILE]


def test_two_homes_have_two_words_of_256_bits(tmp_path: Path) -> None:
    one, two = (generate_prefect_auth(tmp_path / name).get_secret_value() for name in ("one", "two"))

    assert one != two
    assert len(one.split(":")[1]) >= 256 / 6


def test_the_word_is_not_in_what_is_printed_of_it(tmp_path: Path) -> None:
    word = generate_prefect_auth(tmp_path)

    assert word.get_secret_value() not in f"{word} {word!r}"


def test_a_home_without_a_word_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing, match=f"{AUTH_FILE}: expected a key file, found none; run `latentloop up` once"):
        load_prefect_auth(tmp_path)


@pytest.mark.parametrize("content", [b"", b"half\n", b"user:\n", b"a:b\nc:d\n", b"user:\xff\n"])
def test_a_damaged_word_is_refused_without_being_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / AUTH_FILE).write_bytes(content)

    with pytest.raises(StoreCorrupt, match="expected `user:password` in one line; remove it") as refused:
        load_prefect_auth(tmp_path)
    assert content.strip() == b"" or repr(content) not in str(refused.value)
