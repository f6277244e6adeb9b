"""The order of training clips follows from seed and epoch, on any number of processes, from any batch on."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from dyninf.data import Draw, TrainingOrder

sizes = {"clips": st.integers(4, 40), "batch_size": st.integers(1, 6), "seed": st.integers(0, 5)}


def batches_of(order: TrainingOrder) -> list[list[Draw]]:
    return list(DataLoader(range(0), batch_size=order.batch_size, sampler=order).batch_sampler)


@given(**sizes, processes=st.integers(1, 4), epoch=st.integers(0, 3))
def test_processes_see_together_what_one_sees_with_batches_as_large(
    clips: int, batch_size: int, seed: int, processes: int, epoch: int
) -> None:
    alone = TrainingOrder(clips, batch_size * processes, seed)
    shares = [TrainingOrder(clips, batch_size, seed, rank, processes) for rank in range(processes)]
    for order in (alone, *shares):
        order.set_epoch(epoch)
    for order in (alone, *shares):
        assert sum(map(len, batches_of(order))) == len(order)
    together = [
        [draw for part in parts for draw in part] for parts in zip(*map(batches_of, shares), strict=True)
    ]
    assert [sorted(batch) for batch in together] == [sorted(batch) for batch in batches_of(alone)]


@given(**sizes, epoch=st.integers(0, 3), batch=st.integers(0, 4))
def test_an_epoch_that_begins_at_a_batch_is_the_rest_of_it_and_those_after_it_are_whole(
    clips: int, batch_size: int, seed: int, epoch: int, batch: int
) -> None:
    whole = TrainingOrder(clips, batch_size, seed)
    later = TrainingOrder(clips, batch_size, seed, epoch=epoch, batch=batch)
    for present, skipped in ((epoch, batch), (epoch + 1, 0)):
        whole.set_epoch(present)
        later.set_epoch(present)
        assert batches_of(later) == batches_of(whole)[skipped:]
        assert len(later) == len(whole)


@given(**sizes)
def test_every_epoch_has_each_clip_once_but_for_a_last_smaller_batch(
    clips: int, batch_size: int, seed: int
) -> None:
    order, seen = TrainingOrder(clips, batch_size, seed), []
    for epoch in range(3):
        order.set_epoch(epoch)
        batches = batches_of(order)
        drawn = [draw.clip for batch in batches for draw in batch]
        assert {draw.epoch for batch in batches for draw in batch} == {epoch}
        assert len(set(drawn)) == len(drawn) == (clips if clips < batch_size else clips - clips % batch_size)
        seen.append(drawn)
    assert len({tuple(drawn) for drawn in seen}) > 1 or len(order) < 4


def test_another_seed_is_another_order() -> None:
    assert list(TrainingOrder(40, 4, seed=0)) != list(TrainingOrder(40, 4, seed=1))


def test_fewer_clips_than_processes_are_refused() -> None:
    with pytest.raises(ValueError, match="3 processes cannot share 2 training clips"):
        TrainingOrder(2, 1, processes=3)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_clips_do_not_depend_on_who_decodes_them_nor_on_what_was_drawn_before(synthetic, num_workers) -> None:
    def epochs(workers: int, seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        module = type(synthetic)(
            synthetic.root,
            batch_size=5,
            num_workers=workers,
            train_clips=2,
            calibration_clips=1,
            test_clips=1,
        )
        loader, found = module.train_dataloader(), []
        for epoch in range(2):
            loader.sampler.set_epoch(epoch)
            found += [batch.video for batch in loader]
        return found

    one, other = epochs(0, 1), epochs(num_workers, 2)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not any(torch.equal(one[0], b) for b in one[1:])
