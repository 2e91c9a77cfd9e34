"""A sealed folder: whole or not at all, and every byte is looked at."""

import errno
import hashlib
import json
import os

import pytest

from vae_core.errors import SealError
from vae_core.sealed_folder import MANIFEST, open_sealed, parse_manifest, seal_folder

FILES = {"a.json": b"{}", "b.bin": bytes(range(256))}


def test_what_was_sealed_comes_back_under_the_digest_of_its_manifest(tmp_path):
    digest = seal_folder(tmp_path / "x", FILES)
    sealed = open_sealed(tmp_path / "x", digest)
    assert dict(sealed.files) == FILES and sealed.digest == digest
    assert digest == hashlib.sha256((tmp_path / "x" / MANIFEST).read_bytes()).hexdigest()
    assert parse_manifest((tmp_path / "x" / MANIFEST).read_bytes()).digest == digest


def test_equal_content_has_an_equal_digest_whatever_its_order(tmp_path):
    assert seal_folder(tmp_path / "x", FILES) == seal_folder(tmp_path / "y", dict(reversed(FILES.items())))


def test_sealing_the_same_again_changes_nothing_and_other_content_is_refused(tmp_path):
    folder = tmp_path / "x"
    assert seal_folder(folder, FILES) == seal_folder(folder, FILES)
    with pytest.raises(SealError, match="choose a folder that is empty"):
        seal_folder(folder, {"a.json": b"[]"})
    assert dict(open_sealed(folder).files) == FILES
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "x").mkdir()
    seal_folder(tmp_path / "x", FILES)
    assert dict(open_sealed(tmp_path / "x").files) == FILES


@pytest.mark.parametrize("writes_before", [0, 1, 2])
def test_a_full_disk_leaves_nothing_behind(tmp_path, writes_before):
    left = iter([True] * writes_before)

    def refuse(descriptor):
        if not next(left, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(SealError, match="No space left on device.*free space"):
        seal_folder(tmp_path / "x", FILES, refuse)
    assert list(tmp_path.iterdir()) == []


def test_every_file_is_on_the_disk_before_the_folder_has_its_name(tmp_path):
    synced = []

    def sync(descriptor):
        synced.append((os.readlink(f"/proc/self/fd/{descriptor}"), (tmp_path / "x").exists()))
        os.fsync(descriptor)

    seal_folder(tmp_path / "x", FILES, sync)
    *before, parent = synced
    assert [path.rsplit("/", 1)[1] for path, _ in before[:-1]] == [*FILES, MANIFEST]
    assert not any(named for _, named in before) and parent == (str(tmp_path), True)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SealError, match=r"file/x: cannot be written \(Not a directory\)"):
        seal_folder(tmp_path / "file" / "x", FILES)


def damage_missing(folder):
    (folder / "b.bin").unlink()


def damage_extra(folder):
    (folder / "c.pkl").write_bytes(b"")


def damage_byte(folder):
    (folder / "b.bin").write_bytes(bytes([1]) + FILES["b.bin"][1:])


def damage_longer(folder):
    (folder / "b.bin").write_bytes(FILES["b.bin"] + b"x")


def damage_shorter(folder):
    (folder / "b.bin").write_bytes(b"")


def damage_link(folder):
    (folder / "b.bin").rename(folder.parent / "b.bin")
    (folder / "b.bin").symlink_to(folder.parent / "b.bin")


def damage_folder(folder):
    (folder / "b.bin").unlink()
    (folder / "b.bin").mkdir()


def damage_pipe(folder):
    (folder / "b.bin").unlink()
    os.mkfifo(folder / "b.bin")


def damage_manifest(folder):
    (folder / MANIFEST).unlink()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (damage_missing, "b.bin is missing"),
        (damage_extra, "'c.pkl' is not in the manifest"),
        (damage_byte, "b.bin: expected 256 bytes of sha256"),
        (damage_longer, "b.bin: expected 256 bytes .* came 257"),
        (damage_shorter, "b.bin: expected 256 bytes .* came 0"),
        (damage_link, "b.bin: cannot be read"),
        (damage_folder, "b.bin: expected a regular file|b.bin: cannot be read"),
        (damage_pipe, "b.bin: expected a regular file"),
        (damage_manifest, r"manifest.json: cannot be read \(No such file"),
    ],
)
def test_whatever_is_damaged_is_named_in_one_line(tmp_path, damage, complaint):
    seal_folder(tmp_path / "x", FILES)
    damage(tmp_path / "x")
    with pytest.raises(SealError, match=complaint) as raised:
        open_sealed(tmp_path / "x")
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SealError, match="nothing/manifest.json: cannot be read"):
        open_sealed(tmp_path / "nothing")


def test_another_digest_than_expected_is_refused_before_the_manifest_is_parsed(tmp_path):
    (tmp_path / MANIFEST).write_bytes(b"no json")
    with pytest.raises(SealError, match=f"expected digest {'0' * 64}, came"):
        open_sealed(tmp_path, "0" * 64)


@pytest.mark.parametrize(
    "name",
    ["../weights", "/etc/passwd", "a/b", "a\\b", ".hidden", "..", "", "a\0", "a\n", "x" * 101, MANIFEST],
)
def test_names_that_lead_elsewhere_are_refused(name):
    entry = {"sha256": "0" * 64, "size": 1}
    content = json.dumps({"files": {name: entry}, "schema_version": 1}, sort_keys=True, separators=(",", ":"))
    with pytest.raises(SealError, match="manifest.json"):
        parse_manifest(content.encode() + b"\n")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "manifest.json: document: Invalid JSON"),
        (b"\xff\xfe", "manifest.json: document: Invalid JSON"),
        (b"[" * 10_000, "manifest.json: document: Invalid JSON"),
        (b'{"files":{},"schema_version":2}\n', "schema_version"),
        (b'{"files":{},"schema_version":1,"x":1}\n', "x: Extra inputs are not permitted"),
        (b'{ "files":{},"schema_version":1}\n', "not spelled as it was written"),
        (b'{"files":{},"files":{},"schema_version":1}\n', "not spelled as it was written"),
        (b'{"files":{"a":{"sha256":"XYZ","size":1}},"schema_version":1}\n', "files.a.sha256"),
        (b" " * 70_000, "at most 65536 bytes, came 70000"),
    ],
)
def test_what_is_no_manifest_is_refused_in_one_line(content, complaint):
    with pytest.raises(SealError, match=complaint) as raised:
        parse_manifest(content)
    assert "\n" not in str(raised.value)
