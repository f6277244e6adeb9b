"""What runs inside a cell."""

from dyninf.backbones.classifiers import efficientnet_lite0, timm_backbone, torchvision_backbone
from dyninf.backbones.cut import CutNetwork
from dyninf.backbones.msdnet import MSDNet
from dyninf.backbones.pretrained import fit_weights, load_pretrained
from dyninf.backbones.pretrained_file import Weights, read_weights
from dyninf.backbones.pretrained_report import Loaded
from dyninf.backbones.resnet import ResNet

__all__ = [
    "CutNetwork",
    "Loaded",
    "MSDNet",
    "ResNet",
    "Weights",
    "efficientnet_lite0",
    "fit_weights",
    "load_pretrained",
    "read_weights",
    "timm_backbone",
    "torchvision_backbone",
]
