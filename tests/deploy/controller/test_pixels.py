"""Errors of two versions are compared where both make the same pixels of an image, and only there."""

from __future__ import annotations

from deploy.controller.pixels import Pixels
from deploy.delivery.steps import LoadBeside, Promote, RecordApproval, Settle, TryGolden
from deploy.release import Release
from tests.deploy.controller.neighbourhood import MARKS, World, kinds, serving
from tests.deploy.serving.house import House, tiny_artifact
from vae_core.images.preprocessing import Preprocessing

pytestmark = MARKS
PADDED = Preprocessing(fit="pad")


def test_a_version_that_makes_other_pixels_of_an_image_serves_as_a_first_one_does(world: World) -> None:
    champion, _ = serving(world)
    version, digest = world.register(tiny_artifact(97, preprocessing=PADDED))
    world.approve(version)

    assert kinds(world.settle(version)) == [RecordApproval, LoadBeside, TryGolden, Promote, Settle]

    release = world.neighbours.releases.read()
    assert release.champion is not None and release.champion.digest == digest
    assert release.previous is not None and release.previous.version == champion
    assert f"other pixels of an image than version {champion}" in world.tags(version)["delivery_reason"]
    assert world.see().standing is None


def test_what_cannot_be_read_is_taken_for_comparable_and_read_at_the_next_look(house: House) -> None:
    champion, other = house.add_version("1", seed=1), house.add_version("2", seed=2, preprocessing=PADDED)
    release, pixels = Release(epoch=1, champion=champion, shadow=other), Pixels(house.objects)
    manifest = f"{other.artifact}/manifest.json"
    kept = house.objects.get(manifest).data
    house.objects.delete(manifest)
    assert pixels.comparable(release)

    house.objects.put(manifest, kept)

    assert not pixels.comparable(release)
    house.objects.delete(manifest)
    assert not pixels.comparable(release), "what was found is kept"
    assert pixels.comparable(Release(epoch=1, champion=champion)), "there is nobody to be compared with"
