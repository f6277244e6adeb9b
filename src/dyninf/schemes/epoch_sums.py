"""Means over an epoch, kept as sums that can be saved in its middle and added up over processes."""

from collections.abc import Mapping

import torch
from torch import Tensor, distributed


class EpochSums:
    """Weighted sums of named figures, in double precision on the device that they come from."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all."""
        self._sums: dict[str, Tensor] = {}

    def add(self, name: str, total: Tensor, clips: int) -> None:
        """Take in the sum of a figure over so many clips, without waiting for the device.

        total: a number, or several of one kind, such as one a checkpoint (K,).
        """
        entry = torch.cat(
            [total.detach().double().flatten(), total.new_full((1,), clips, dtype=torch.double)]
        )
        before = self._sums.get(name)
        self._sums[name] = entry if before is None else before.to(entry.device) + entry

    def means(self, processes: int = 1) -> dict[str, Tensor]:
        """Each figure a clip, over what all `processes` took in; a vector, also where it is one number.

        Every process has to call this, and have taken in the same names.
        """
        return {name: (entry[:-1] / entry[-1]).float() for name, entry in self._together(processes).items()}

    def state_dict(self, processes: int = 1) -> dict[str, Tensor]:
        """The sums of all `processes`; every one of them has to call this."""
        return {name: entry.cpu() for name, entry in self._together(processes).items()}

    def load_state_dict(self, state_dict: Mapping[str, Tensor], rank: int = 0) -> None:
        """Go on from the sums of all processes: the first one has them, the others have nothing taken in."""
        self._sums = {name: entry if rank == 0 else entry * 0 for name, entry in state_dict.items()}

    def _together(self, processes: int) -> dict[str, Tensor]:
        if processes == 1 or not self._sums:
            return dict(self._sums)
        every = torch.cat(list(self._sums.values()))
        distributed.all_reduce(every)
        parts = every.split([len(entry) for entry in self._sums.values()])
        return dict(zip(self._sums, parts, strict=True))
