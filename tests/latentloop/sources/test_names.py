"""Any name at all is written down as one line of UTF-8, and no two names become one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentloop.sources.names import ending_of, has_image_ending, is_hidden, stem, storable


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain name.png", "plain name.png"),
        ("Größe 鳥 🐦.png", "Größe 鳥 🐦.png"),
        ("a\nb\tc.png", "a\\nb\\tc.png"),
        ("a\\nb.png", "a\\\\nb.png"),
        ("\udcff\udc80.png", "\\xff\\x80.png"),
        ("x\u202egnp.exe", "x\\u202egnp.exe"),
        ("bell\x07.png", "bell\\u0007.png"),
    ],
)
def test_what_a_screen_or_a_table_cannot_hold_is_escaped(name: str, written: str) -> None:
    assert storable(name) == written


_names = st.text(st.one_of(st.characters(), st.sampled_from("\\xnu0f\n\udcff\udc80\x85")), max_size=8)


@given(_names, _names)
def test_two_names_never_become_one_and_each_is_utf_8(one: str, other: str) -> None:
    assert (storable(one) == storable(other)) == (one == other)
    storable(one).encode()


@pytest.mark.parametrize("name", [".thumbnails", ".ipynb_checkpoints", "__MACOSX", "._IMG_1.jpg", "@eaDir"])
def test_what_systems_keep_for_themselves_is_hidden(name: str) -> None:
    assert is_hidden(name)


def test_an_owners_folder_is_not_hidden_and_a_ds_store_is_counted_as_what_it_is() -> None:
    assert not any(map(is_hidden, ("_private", "a.b", "lost", ".DS_Store")))


@pytest.mark.parametrize(
    ("path", "ending"),
    [
        ("a/b.PNG", ".png"),
        ("Thumbs.db", ".db"),
        (".DS_Store", ".DS_Store"),
        ("a.b/README", "no ending"),
        ("1.", "no ending"),
        ("a.very-long-last-part", "no ending"),
        ("x.\udcff", ".\\xff"),
    ],
)
def test_an_ending_is_counted_in_small_letters(path: str, ending: str) -> None:
    assert ending_of(path) == ending


def test_what_image_programs_open_is_known_by_its_name() -> None:
    assert all(map(has_image_ending, ("a.JPG", "a.tiff", "a.heic", "a.svg", "a.cr2")))
    assert not any(map(has_image_ending, ("a.csv", "a", "a.png.txt", "png")))


def test_a_path_without_its_ending_keeps_its_folders() -> None:
    assert [stem(path) for path in ("a.b/c.png", "c.tar.gz", ".hidden", "a.b/c")] == [
        "a.b/c",
        "c.tar",
        ".hidden",
        "a.b/c",
    ]
