"""Which clips of training make which batch, from the seed and the epoch alone.

So neither the number of decoding processes nor an interruption changes what a step sees, and the processes
of a training see together what one process with batches as large would see.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch.utils.data.distributed import DistributedSampler

from dyninf.seeds import seed_of


class Draw(NamedTuple):
    """A clip to be made for training. What is random about it follows from both numbers."""

    clip: int
    epoch: int


class TrainingOrder(DistributedSampler[Draw]):
    """The share that one process has of every epoch, batch by batch.

    An epoch is a permutation of all clips, cut into global batches of ``batch_size * processes`` clips. Of
    each, process r takes the r-th clip, the (r + processes)-th, and so on. The last, smaller global batch is
    left out: a batch of one clip would upset batch normalisation. A lone one stays.

    Each pass is an epoch; `set_epoch` says which comes next, as Lightning does, else they are counted on.

    It is a DistributedSampler so that Lightning, which would share out any other sampler, leaves it as it is.

    Args:
        clips: their number.
        batch_size: clips of a batch of one process.
        seed: of the permutations.
        rank, processes: which process this is, of how many.
        epoch, batch: where to begin: that epoch lacks its first batches, the others are whole.

    Raises:
        ValueError: there are fewer clips than processes.
    """

    def __init__(
        self,
        clips: int,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        processes: int = 1,
        epoch: int = 0,
        batch: int = 0,
    ) -> None:
        if clips < processes:
            raise ValueError(
                f"{processes} processes cannot share {clips} training clips: each needs one or more"
            )
        super().__init__(range(clips), processes, rank, seed=seed)  # type: ignore[arg-type]
        self.clips = clips
        self.batch_size = batch_size
        self.epoch = epoch
        self._begin = (epoch, batch)

    def __len__(self) -> int:
        """Clips of this process in a whole epoch, wherever it begins."""
        return len(range(self.rank, self._used, self.num_replicas))

    def __iter__(self) -> Iterator[Draw]:
        order = permutation(self.clips, self.seed, self.epoch)[self.rank : self._used : self.num_replicas]
        first = self._begin[1] * self.batch_size if self.epoch == self._begin[0] else 0
        draws = [Draw(clip, self.epoch) for clip in order[first:]]
        self.epoch += 1
        return iter(draws)

    @property
    def _used(self) -> int:
        """Clips of an epoch, of all processes together."""
        together = self.batch_size * self.num_replicas
        return self.clips if self.clips <= together else self.clips // together * together


def permutation(clips: int, seed: int, epoch: int) -> list[int]:
    """The order of all clips in an epoch."""
    generator = torch.Generator().manual_seed(seed_of("order", seed, epoch))
    return torch.randperm(clips, generator=generator).tolist()
