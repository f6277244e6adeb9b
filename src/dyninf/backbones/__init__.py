"""What runs inside a cell."""

from dyninf.backbones.classifiers import efficientnet_lite0, timm_backbone, torchvision_backbone
from dyninf.backbones.cut import CutNetwork
from dyninf.backbones.msdnet import MSDNet
from dyninf.backbones.resnet import ResNet

__all__ = ["CutNetwork", "MSDNet", "ResNet", "efficientnet_lite0", "timm_backbone", "torchvision_backbone"]
