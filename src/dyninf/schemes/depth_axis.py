"""All frames together, stopping at a depth (Wu et al. 2020, scheme a)."""

from dyninf.grid import Network
from dyninf.schemes.base import SchemeModule


class DepthAxisModule(SchemeModule):
    """One group; checkpoints after stages."""

    def check_scheme(self, network: Network) -> None:
        if len(network.permutation) != 1:
            raise ValueError(
                f"the depth-axis scheme has one group, {network.name} has {len(network.permutation)}; "
                "set scheme.groups=1 or use scheme=joint"
            )
