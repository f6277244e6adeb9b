"""How weights start."""

from torch import nn


def kaiming(module: nn.Module) -> None:
    """Convolutions: normal, of variance 2 over the fan out (He et al. 2015). Biases of linears: 0."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(part, nn.Linear):
            nn.init.zeros_(part.bias)
