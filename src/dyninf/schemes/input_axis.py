"""Group after group through the whole depth, stopping between groups (Wu et al. 2020, scheme b)."""

from dyninf.grid import Network
from dyninf.schemes.base import SchemeModule


class InputAxisModule(SchemeModule):
    """Checkpoints after the last stage only."""

    def check_scheme(self, network: Network) -> None:
        early = [c.name for c in network.checkpoints if c.cell.stage != network.route.stages]
        if early:
            raise ValueError(
                f"the input-axis scheme has checkpoints after the last stage only, {network.name} also has "
                f"{', '.join(early)}; set scheme.checkpoints=last or use scheme=joint"
            )
