"""A table of what leaving at each checkpoint takes in time, for budgets in milliseconds.

Legend: K checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from dyninf.json_file import brief, read_json, write_json
from dyninf.trace.trace import Trace


@dataclass(frozen=True)
class Milliseconds:
    """Cumulative milliseconds of a video up to each checkpoint, as measured on one device.

    network, checkpoints: their names. macs: the same costs in multiply-adds, by which a table is known to be
        of the same architecture, frame size and number of views; weights take no time.
    milliseconds: K numbers that grow.
    device: what they were measured on. batch: clips at once. repeats: rounds, whose median they are.

    Raises ValueError if the numbers are not one a checkpoint, or do not grow.
    """

    network: str
    checkpoints: tuple[str, ...]
    macs: tuple[float, ...]
    milliseconds: tuple[float, ...]
    device: str
    repeats: int
    batch: int = 1

    def __post_init__(self) -> None:
        K = len(self.checkpoints)
        times = torch.tensor(self.milliseconds, dtype=torch.float64)
        if len(self.macs) != K or times.shape != (K,) or not times.isfinite().all():
            raise ValueError(f"{K} checkpoints need as many numbers of milliseconds and MACs")
        if K == 0 or not times[0] > 0 or not (times.diff() > 0).all():
            raise ValueError(
                f"milliseconds have to be above 0 and to grow from checkpoint to checkpoint: {times.tolist()}"
            )

    @property
    def milliseconds_K(self) -> Tensor:
        """Float64 on the CPU."""
        return torch.tensor(self.milliseconds, dtype=torch.float64)

    def check_fits(self, network: str, checkpoints: Sequence[str], macs_K: Tensor) -> None:
        """Raise ValueError unless this is of that architecture, with frames and views that cost as much."""
        mine = (self.network, *self.checkpoints, *self.macs)
        theirs = (network, *checkpoints, *macs_K.tolist())
        if mine != theirs:
            raise ValueError(
                "the table of milliseconds is of another network, frame size or number of views: "
                f"{self.network} with {len(self.checkpoints)} checkpoints and {self.macs[-1] / 1e9:.6g} "
                f"GMACs a video, not {network} with {len(checkpoints)} and {macs_K[-1].item() / 1e9:.6g}"
            )

    def instead_of_macs(self, trace: Trace) -> Trace:
        """The trace with milliseconds for costs. Raises ValueError if the table does not fit it."""
        self.check_fits(trace.info.network, trace.info.checkpoints, trace.macs_K)
        return replace(trace, macs_K=self.milliseconds_K)

    def save(self, path: Path) -> None:
        """Write as JSON; the whole file or nothing."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: str | Path) -> Milliseconds:
        """Read what `save` wrote. Raises FileNotFoundError, or ValueError if the file is no such table."""
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f"no table of milliseconds at {path}; dyninf.macs measures one: milliseconds={path}"
            )
        try:
            facts = read_json(path)
            return cls(
                str(facts["network"]),
                tuple(str(name) for name in facts["checkpoints"]),
                tuple(float(value) for value in facts["macs"]),
                tuple(float(value) for value in facts["milliseconds"]),
                str(facts["device"]),
                int(facts["repeats"]),
                int(facts["batch"]),
            )
        except KeyError as error:
            raise ValueError(f"{path} is no table of milliseconds: it has no {error}") from error
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"{path} is no table of milliseconds: {brief(error)}") from error
