"""LightningModules around a network on a grid."""

from dyninf.schemes.base import SchemeModule
from dyninf.schemes.callbacks import SaveConfig, SeedSteps
from dyninf.schemes.checkpoint_files import CheckpointFiles
from dyninf.schemes.checkpoints import LastCheckpoint
from dyninf.schemes.depth_axis import DepthAxisModule
from dyninf.schemes.distillation import SelfDistillation
from dyninf.schemes.input_axis import InputAxisModule
from dyninf.schemes.joint import JointModule
from dyninf.schemes.mixing import Cutmix, Mixing, Mixup, MixupOrCutmix
from dyninf.schemes.slurm import Requeue, SlurmTasks, heed_signals

__all__ = [
    "CheckpointFiles",
    "Cutmix",
    "DepthAxisModule",
    "InputAxisModule",
    "JointModule",
    "LastCheckpoint",
    "Mixing",
    "Mixup",
    "MixupOrCutmix",
    "Requeue",
    "SaveConfig",
    "SchemeModule",
    "SeedSteps",
    "SelfDistillation",
    "SlurmTasks",
    "heed_signals",
]
