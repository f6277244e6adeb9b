"""What runs inside a cell."""

from dyninf.backbones.msdnet import MSDNet
from dyninf.backbones.resnet import ResNet

__all__ = ["MSDNet", "ResNet"]
