"""Where a training's images lie, who reads them ahead, and that nothing of it moves a weight."""

import threading
from contextlib import closing

import numpy as np
import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from tests.vae_core.training.data.mapped_images import SHAPE, mapped
from tests.vae_core.training.options import train_by
from vae_core.training.data.batches import Batches, Pairs
from vae_core.training.data.image_source import ResidentImages, StreamedImages, free_device_bytes, open_source
from vae_core.training.loop import train
from vae_core.training.result import TrainResult
from vae_core.weights import copy_weights, digest_weights


def opened(images: np.ndarray, **more: int | None) -> type:
    how = {name: lambda device, free=free: free for name, free in more.items()}
    return type(open_source("test", images, SHAPE, "cpu", **how))


def readers() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("read-ahead")]


def test_images_in_memory_go_to_the_device_unless_they_are_more_than_half_of_what_it_has_free():
    images = boxes(10)  # 640 bytes
    assert opened(images, free_bytes=2 * 640) is ResidentImages
    assert opened(images, free_bytes=2 * 640 - 1) is StreamedImages
    assert opened(images, free_bytes=None) is ResidentImages, "on a CPU they are there already"


def test_a_mapped_file_is_streamed_however_much_room_there_is(tmp_path):
    assert opened(mapped(tmp_path, boxes(10)), free_bytes=2**40) is StreamedImages


def test_a_cpu_has_nothing_that_images_in_memory_would_have_to_fit_into():
    assert free_device_bytes("cpu") is None


def trained(images: np.ndarray, **more: object) -> TrainResult:
    """Two epochs and a half, so that batches are read across the end of an epoch."""
    result: TrainResult = train_by(train, images, TINY, recipe(15), log_every=1, **more)
    return result


def test_the_weights_are_the_same_bit_for_bit_wherever_the_images_lie(tmp_path):
    images = boxes(100)
    resident = trained(images)
    from_file = trained(mapped(tmp_path, images))
    digests = {digest_weights(copy_weights(each.model)) for each in (resident, from_file)}
    assert len(digests) == 1 and resident.steps == 15
    # from memory to a device that has no room for them, the same batches come
    room, none = (
        Batches(images, SHAPE, batch_size=16, seed=0, device="cpu", free_bytes=lambda device, free=free: free)
        for free in (2**40, 0)
    )
    with closing(room), closing(none):
        assert not readers()
        for step in range(15):
            assert torch.equal(room.take(step).target, none.take(step).target)
        assert readers(), "one of them reads ahead"


def test_a_batch_is_read_while_the_one_before_is_used_also_where_an_epoch_ends(tmp_path):
    by_the_main_thread = []

    class NotingWhoReads(np.memmap):
        def __getitem__(self, rows):
            by_the_main_thread.append(threading.current_thread() is threading.main_thread())
            return super().__getitem__(rows)

    images = mapped(tmp_path, boxes(10)).view(NotingWhoReads)
    source = Batches(images, SHAPE, batch_size=2, seed=0, device="cpu")
    for step in range(12):  # five are an epoch
        source.take(step)
    source.close()
    # the first batch, and twelve that were expected, of which the last was not taken
    assert sorted(by_the_main_thread)[-2:] == [False, True] and len(by_the_main_thread) in (12, 13)


def test_the_reader_ends_with_the_training(tmp_path):
    heard = []
    trained(mapped(tmp_path, boxes(100)), on_progress=lambda progress: heard.extend(readers()))
    assert heard and not readers()


def test_the_reader_ends_with_a_training_that_fails(tmp_path):
    def fail(progress):
        assert readers()
        raise RuntimeError("the caller has enough")

    with pytest.raises(RuntimeError, match="has enough"):
        trained(mapped(tmp_path, boxes(100)), on_progress=fail)
    assert not readers()


def test_closing_ends_what_reads_pairs_too(tmp_path):
    images = mapped(tmp_path, boxes(10))
    source = Batches(images, SHAPE, batch_size=4, seed=0, device="cpu", pairs=Pairs(images, images, 0.25))
    source._pairs._inputs.expect(torch.tensor([1]))
    assert readers()
    source.close()
    assert not readers()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_batches_are_pinned_and_come_as_they_are(tmp_path):
    images = boxes(100)
    assert 2**20 < free_device_bytes("cuda") <= torch.cuda.get_device_properties(0).total_memory
    assert type(open_source("test", images, SHAPE, "cuda")) is ResidentImages
    for source in (
        open_source("test", mapped(tmp_path, images), SHAPE, "cuda"),
        open_source("test", images, SHAPE, "cuda", lambda device: 2 * images.nbytes - 1),
    ):
        assert isinstance(source, StreamedImages) and source._read(torch.tensor([3])).is_pinned()
        for start in range(0, 90, 10):
            rows = torch.randperm(100, generator=torch.Generator().manual_seed(start))
            source.expect(rows)
            assert torch.equal(source.rows(rows).cpu(), torch.from_numpy(images)[rows])
        source.close()
