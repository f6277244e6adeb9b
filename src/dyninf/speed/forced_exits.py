"""Exits by lot that cost a given part of full inference, so that speed can be measured on any network.

Legend: K checkpoints.
"""

from torch import Tensor

from dyninf.policies import RandomExit, exit_shares


def forced_exits(macs_K: Tensor, mean_macs: float) -> RandomExit:
    """A policy under which clips cost so many multiply-adds on average, in the shares of `exit_shares`.

    macs_K: cumulative costs, growing. Raises ValueError if no shares cost that much.
    """
    if not macs_K[0] < mean_macs < macs_K[-1]:
        raise ValueError(
            f"a mean of {mean_macs / 1e9:.4g} GMACs cannot be reached: leaving at the first checkpoint costs "
            f"{macs_K[0] / 1e9:.4g}, at the last {macs_K[-1] / 1e9:.4g}"
        )
    shares: list[float] = exit_shares(macs_K, mean_macs).tolist()
    return RandomExit(shares)
