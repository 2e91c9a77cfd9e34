"""The shipment of the demo: every file is counted, and what is damaged is what the gate refuses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data_checks.input_validation import judge_image_bytes
from data_checks.policy import InputPolicy
from latentloop.demo.damage import DAMAGES
from latentloop.demo.shipment import DUPLICATE, SUPPLIERS, Shipment, write_shipment
from tests.latentloop.products import product_images
from vae_core.images.preprocessing import Preprocessing

IMAGES = 900
DAMAGED = 27  # 3 %


def quiet(line: str) -> None:
    """Say nothing."""


def ship(folder: Path, seed: int = 11) -> Shipment:
    return write_shipment(product_images(IMAGES), folder, np.random.default_rng(seed), quiet)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shipment")


@pytest.fixture(scope="module")
def shipment(folder: Path) -> Shipment:
    return ship(folder)


def test_every_image_becomes_one_file_and_three_percent_are_damaged_in_nine_ways(
    folder: Path, shipment: Shipment
) -> None:
    assert shipment.files == IMAGES == len(files_of(folder))
    assert shipment.damaged.total() == DAMAGED == len(shipment.paths)
    assert shipment.damaged == Counter({kind: DAMAGED // 9 for kind in [*DAMAGES, DUPLICATE]})
    assert Counter(shipment.paths.values()) == shipment.damaged


def test_the_suppliers_send_equally_many(folder: Path, shipment: Shipment) -> None:
    sent = Counter(name.split("/")[0] for name in files_of(folder))

    assert len(sent) == SUPPLIERS
    assert max(sent.values()) - min(sent.values()) <= 1


def test_the_gate_refuses_exactly_the_damaged_files(folder: Path, shipment: Shipment) -> None:
    policy = InputPolicy(min_variance=0.003)

    refused = {
        name for name, data in files_of(folder).items() if not judge_image_bytes(data, Preprocessing(), policy).accepted
    }

    assert refused == {name for name, kind in shipment.paths.items() if kind != DUPLICATE}


def test_a_duplicate_repeats_the_bytes_of_one_intact_file(folder: Path, shipment: Shipment) -> None:
    files = files_of(folder)
    intact = Counter(data for name, data in files.items() if name not in shipment.paths)

    duplicates = [name for name, kind in shipment.paths.items() if kind == DUPLICATE]

    assert len(duplicates) == DAMAGED // 9
    assert [intact[files[name]] for name in duplicates] == [1] * len(duplicates)


def test_one_seed_makes_one_shipment(folder: Path, shipment: Shipment, tmp_path: Path) -> None:
    again = ship(tmp_path)

    assert again == shipment
    assert files_of(tmp_path) == files_of(folder)


def test_another_seed_damages_other_files(shipment: Shipment, tmp_path: Path) -> None:
    assert ship(tmp_path, seed=12).paths.keys() != shipment.paths.keys()
