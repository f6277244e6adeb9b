"""Data sets as LightningDataModules, over one decoder, one sampler and one transform."""

from typing import TYPE_CHECKING

from dyninf.lazy import import_lazily

if TYPE_CHECKING:
    from dyninf.data.apart import Apart, Here
    from dyninf.data.augmentation import MultiScaleCrop
    from dyninf.data.clip_frames import Span, UnreadableClip, VideoClip
    from dyninf.data.corruption import CORRUPTIONS, Corruption
    from dyninf.data.crops import CropsTransform
    from dyninf.data.datamodule import VideoDataModule
    from dyninf.data.decoder import VideoInfo, VideoReader, decode_on_demand, probe, read_frames
    from dyninf.data.drawn import DrawnDataModule
    from dyninf.data.exclusion import ExclusionList
    from dyninf.data.file_check import FileCheck, check_file
    from dyninf.data.frame_source import (
        Decoder,
        FrameReader,
        FrameSource,
        ImageFolder,
        VideoFile,
        frame_source,
    )
    from dyninf.data.hmdb51 import HMDB51
    from dyninf.data.kinetics400 import Kinetics400
    from dyninf.data.limits import Limits
    from dyninf.data.live import LiveClip, is_live, live_clips, open_live
    from dyninf.data.measured import Measured, measure
    from dyninf.data.mocap import Mocap
    from dyninf.data.published import PublishedDataModule
    from dyninf.data.sampling import (
        Dense,
        Sampling,
        Segment,
        Uniform,
        middle_frames,
        random_frames,
        segment_bounds,
        uniform_frames,
    )
    from dyninf.data.skipping import ShareSkipped, Skipped, SkippedVideos, SkippingLoader
    from dyninf.data.something_v1 import SomethingV1
    from dyninf.data.something_v2 import SomethingV2
    from dyninf.data.sources import is_list, listed_in, named_in, videos_at
    from dyninf.data.synthetic import Synthetic
    from dyninf.data.torchcodec_reader import TorchcodecReader
    from dyninf.data.training_order import Draw, TrainingOrder
    from dyninf.data.transforms import ClipTransform
    from dyninf.data.ucf101 import UCF101
    from dyninf.data.video_dataset import Clip, Video, VideoDataset, batch_of
    from dyninf.data.video_error import ReaderLostError, VideoError, VideoLimitError
    from dyninf.data.video_folder import VideoFolder
    from dyninf.data.windows import SharedSource, Windows, window_clips

# So that a process which only decodes needs no torch.
import_lazily(
    __name__,
    {
        "dyninf.data.apart": ["Apart", "Here"],
        "dyninf.data.augmentation": ["MultiScaleCrop"],
        "dyninf.data.clip_frames": ["Span", "UnreadableClip", "VideoClip"],
        "dyninf.data.corruption": ["CORRUPTIONS", "Corruption"],
        "dyninf.data.crops": ["CropsTransform"],
        "dyninf.data.datamodule": ["VideoDataModule"],
        "dyninf.data.decoder": ["VideoInfo", "VideoReader", "decode_on_demand", "probe", "read_frames"],
        "dyninf.data.drawn": ["DrawnDataModule"],
        "dyninf.data.exclusion": ["ExclusionList"],
        "dyninf.data.file_check": ["FileCheck", "check_file"],
        "dyninf.data.frame_source": [
            "Decoder",
            "FrameReader",
            "FrameSource",
            "ImageFolder",
            "VideoFile",
            "frame_source",
        ],
        "dyninf.data.hmdb51": ["HMDB51"],
        "dyninf.data.kinetics400": ["Kinetics400"],
        "dyninf.data.limits": ["Limits"],
        "dyninf.data.live": ["LiveClip", "is_live", "live_clips", "open_live"],
        "dyninf.data.measured": ["Measured", "measure"],
        "dyninf.data.mocap": ["Mocap"],
        "dyninf.data.published": ["PublishedDataModule"],
        "dyninf.data.sampling": [
            "Dense",
            "Sampling",
            "Segment",
            "Uniform",
            "middle_frames",
            "random_frames",
            "segment_bounds",
            "uniform_frames",
        ],
        "dyninf.data.skipping": ["ShareSkipped", "Skipped", "SkippedVideos", "SkippingLoader"],
        "dyninf.data.something_v1": ["SomethingV1"],
        "dyninf.data.something_v2": ["SomethingV2"],
        "dyninf.data.sources": ["is_list", "listed_in", "named_in", "videos_at"],
        "dyninf.data.synthetic": ["Synthetic"],
        "dyninf.data.torchcodec_reader": ["TorchcodecReader"],
        "dyninf.data.training_order": ["Draw", "TrainingOrder"],
        "dyninf.data.transforms": ["ClipTransform"],
        "dyninf.data.ucf101": ["UCF101"],
        "dyninf.data.video_dataset": ["Clip", "Video", "VideoDataset", "batch_of"],
        "dyninf.data.video_error": ["ReaderLostError", "VideoError", "VideoLimitError"],
        "dyninf.data.video_folder": ["VideoFolder"],
        "dyninf.data.windows": ["SharedSource", "Windows", "window_clips"],
    },
)

__all__ = [
    "CORRUPTIONS",
    "HMDB51",
    "UCF101",
    "Apart",
    "Clip",
    "ClipTransform",
    "Corruption",
    "CropsTransform",
    "Decoder",
    "Dense",
    "Draw",
    "DrawnDataModule",
    "ExclusionList",
    "FileCheck",
    "FrameReader",
    "FrameSource",
    "Here",
    "ImageFolder",
    "Kinetics400",
    "Limits",
    "LiveClip",
    "Measured",
    "Mocap",
    "MultiScaleCrop",
    "PublishedDataModule",
    "ReaderLostError",
    "Sampling",
    "Segment",
    "ShareSkipped",
    "SharedSource",
    "Skipped",
    "SkippedVideos",
    "SkippingLoader",
    "SomethingV1",
    "SomethingV2",
    "Span",
    "Synthetic",
    "TorchcodecReader",
    "TrainingOrder",
    "Uniform",
    "UnreadableClip",
    "Video",
    "VideoClip",
    "VideoDataModule",
    "VideoDataset",
    "VideoError",
    "VideoFile",
    "VideoFolder",
    "VideoInfo",
    "VideoLimitError",
    "VideoReader",
    "Windows",
    "batch_of",
    "check_file",
    "decode_on_demand",
    "frame_source",
    "is_list",
    "is_live",
    "listed_in",
    "live_clips",
    "measure",
    "middle_frames",
    "named_in",
    "open_live",
    "probe",
    "random_frames",
    "read_frames",
    "segment_bounds",
    "uniform_frames",
    "videos_at",
    "window_clips",
]
