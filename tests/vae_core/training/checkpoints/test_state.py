"""What a checkpoint holds, and no more."""

from tests.vae_core.synthetic_images import recipe
from tests.vae_core.training.tiny_training import run


def test_a_checkpoint_without_the_new_parts_holds_nothing_of_them(tmp_path):
    run(recipe(5), tmp_path)
    (newest,) = tmp_path.iterdir()
    content = (newest / "tensors.safetensors").read_bytes()
    assert b"average." not in content and b"likelihood" not in content


def test_a_checkpoint_of_a_plain_training_holds_nothing_of_the_new_parts(tmp_path):
    run(recipe(5), tmp_path)
    (newest,) = tmp_path.iterdir()
    assert b"held_out." not in (newest / "tensors.safetensors").read_bytes()
