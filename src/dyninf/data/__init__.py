"""Data sets as LightningDataModules, over one decoder, one sampler and one transform."""

from dyninf.data.datamodule import VideoDataModule
from dyninf.data.decoder import VideoError, VideoInfo, probe, read_frames
from dyninf.data.frame_source import FrameSource, ImageFolder, VideoFile, frame_source
from dyninf.data.sampling import middle_frames, random_frames, segment_bounds
from dyninf.data.synthetic import Synthetic
from dyninf.data.transforms import ClipTransform
from dyninf.data.video_dataset import Clip, Video, VideoDataset
from dyninf.data.video_folder import VideoFolder

__all__ = [
    "Clip",
    "ClipTransform",
    "FrameSource",
    "ImageFolder",
    "Synthetic",
    "Video",
    "VideoDataModule",
    "VideoDataset",
    "VideoError",
    "VideoFile",
    "VideoFolder",
    "VideoInfo",
    "frame_source",
    "middle_frames",
    "probe",
    "random_frames",
    "read_frames",
    "segment_bounds",
]
