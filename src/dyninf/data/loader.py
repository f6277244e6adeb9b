"""Loaders of clips, which processes decode."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import DataLoader

from dyninf.data.chosen_batches import ChosenBatches
from dyninf.data.processes import leave_signals_to_the_maker
from dyninf.data.skipping import SkippedVideos, SkippingDataset, SkippingLoader
from dyninf.data.training_order import TrainingOrder
from dyninf.data.video_dataset import Clip, VideoDataset, batch_of


def make_loader(
    dataset: VideoDataset,
    num_workers: int,
    batches: int | TrainingOrder | ChosenBatches,
    leave_out: tuple[SkippedVideos, str] | None = None,
) -> DataLoader[Clip]:
    """A loader of a split's clips.

    Args:
        num_workers: decoding processes; 0 decodes in this one.
        batches: how many clips at a time, in their order; or which order, and how many; or which together.
        leave_out: where to note videos that cannot be read, and under which split; None raises their errors.
    """
    options: dict[str, Any] = {
        "num_workers": num_workers,
        "persistent_workers": num_workers > 0,
        "worker_init_fn": leave_signals_to_the_maker,
        "pin_memory": torch.cuda.is_available(),
    }
    match batches:
        case TrainingOrder():
            options |= {"sampler": batches, "batch_size": batches.batch_size}
        case ChosenBatches():
            options |= {"batch_sampler": batches}
        case _:
            options |= {"batch_size": batches}
    if leave_out is None:
        return DataLoader(dataset, collate_fn=batch_of, **options)
    record, split = leave_out
    return SkippingLoader(SkippingDataset(dataset), record, split, dataset.train, **options)
