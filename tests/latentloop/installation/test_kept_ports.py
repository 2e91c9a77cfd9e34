"""The ports of the last start: for this user alone, and a file that is damaged knows none."""

from __future__ import annotations

from pathlib import Path

from latentloop.installation.kept_ports import FILE, keep_ports, read_ports


def test_kept_ports_are_private_and_a_damaged_file_knows_none(tmp_path: Path) -> None:
    keep_ports(tmp_path, {"service_url": 8900})
    keep_ports(tmp_path, {"mlflow_url": 5000})
    assert read_ports(tmp_path) == {"service_url": 8900, "mlflow_url": 5000}
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    for damaged in ('{"ports": {"service_url": 70000}}', "", "[]"):
        (tmp_path / FILE).write_text(damaged)
        assert read_ports(tmp_path) == {}
