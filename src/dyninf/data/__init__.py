"""Data sets as LightningDataModules, over one decoder, one sampler and one transform."""

from dyninf.data.datamodule import VideoDataModule
from dyninf.data.decoder import VideoError, VideoInfo, probe, read_frames
from dyninf.data.sampling import middle_frames, random_frames, segment_bounds
from dyninf.data.synthetic import Synthetic
from dyninf.data.transforms import ClipTransform
from dyninf.data.video_dataset import Clip, Video, VideoDataset
from dyninf.data.video_folder import VideoFolder

__all__ = [
    "Clip",
    "ClipTransform",
    "Synthetic",
    "Video",
    "VideoDataModule",
    "VideoDataset",
    "VideoError",
    "VideoFolder",
    "VideoInfo",
    "middle_frames",
    "probe",
    "random_frames",
    "read_frames",
    "segment_bounds",
]
