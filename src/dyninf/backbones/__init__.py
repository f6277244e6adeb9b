"""What runs inside a cell."""

from dyninf.backbones.resnet import ResNet

__all__ = ["ResNet"]
