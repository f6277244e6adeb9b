"""What runs inside a cell."""

from dyninf.backbones.msdnet import MSDNet
from dyninf.backbones.pretrained import fit_weights, load_pretrained
from dyninf.backbones.pretrained_file import Weights, read_weights
from dyninf.backbones.pretrained_report import Loaded
from dyninf.backbones.resnet import ResNet

__all__ = ["Loaded", "MSDNet", "ResNet", "Weights", "fit_weights", "load_pretrained", "read_weights"]
