"""The base of all data sets: say which videos a split has, and the rest is here."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from dyninf.data.augmentation import RandAugment, TrainCrop
from dyninf.data.chosen_batches import ChosenBatches
from dyninf.data.container import DEFAULT_LIMITS
from dyninf.data.corruption import Corruption
from dyninf.data.crops import CropsTransform, check_crops
from dyninf.data.exclusion import ExclusionList
from dyninf.data.fence import Fence
from dyninf.data.frame_source import Decoder
from dyninf.data.limits import Limits
from dyninf.data.loader import make_loader
from dyninf.data.sampling import Segment, sampling_named
from dyninf.data.skipping import SkippedVideos
from dyninf.data.split_fingerprint import fingerprint_of
from dyninf.data.torchcodec_reader import require_torchcodec
from dyninf.data.training_order import TrainingOrder
from dyninf.data.transforms import IMAGENET_MEAN, IMAGENET_STD, ClipTransform
from dyninf.data.video_dataset import Clip, Video, VideoDataset
from dyninf.split_name import SplitName

OnError = Literal["raise", "skip"]


class VideoDataModule(LightningDataModule):
    """Clips of a labelled set of videos, in the splits train, calibration and test.

    A data set is a subclass that sets `name` and `class_names` and gives `all_videos(split)`. The
    calibration split serves as Lightning's validation split; thresholds are chosen on it.

    Args:
        root: folder of the data set.
        num_frames: T, frames of a clip.
        batch_size: clips of a batch; in testing with Q views of a video, batch_size // Q videos (or one).
        num_workers: decoding processes; 0 decodes in the training process.
        resize: short side in pixels before cropping.
        crop: side in pixels of the square that the network sees.
        flip: in training, mirror every second clip; refused where `may_flip` is false.
        mean, std: of each colour, for values between 0 and 1.
        train_crop: where the square is in training: "random", "multi_scale" or "random_resized".
        randaugment: magnitude of RandAugment in training, or [operations, magnitude]; None for none.
        sampling: which frames make a clip: "segment", "dense" or "uniform" (`data.sampling`).
        stride: frames from one to the next, of dense sampling.
        clips_per_video, crops_per_clip: the views in which `dataloader` gives a video; training, and the
            validation during it, see one.
        decoder: what reads video files, "pyav" or "torchcodec".
        exclude: a file that names videos to do without (`ExclusionList`), absolute or relative to `root`.
        on_error: where a video cannot be read, "raise" its VideoError, or "skip" it: the loaders leave it
            out, and `skipped` says so (`SkippedVideos`, which ends with an error where it is too many).
        corruption: [name, severity] or [name, severity, seed] of a `Corruption` of the test split's clips;
            training and calibration never see one.
        training_seed: of the order of the training clips and of what is random about them (`TrainingOrder`).
        limits: the most that a video may have, by the names of `Limits`; those left out are as usual there,
            and None is no limit. What is beyond is a video that cannot be read.

    Raises:
        ValueError: an argument is out of its range, torchcodec is asked for and missing, or mirroring
            (`flip`, 10 crops) would change the class.
    """

    name: str
    class_names: tuple[str, ...]
    splits: tuple[str, ...] = ("train", "calibration", "test")
    may_flip: ClassVar[bool] = True
    fence: Fence | None = None  # of those whose videos others have listed

    def __init__(
        self,
        root: str | Path,
        num_frames: int = 8,
        batch_size: int = 32,
        num_workers: int = 2,
        resize: int = 256,
        crop: int = 224,
        flip: bool = False,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        train_crop: TrainCrop = "random",
        randaugment: RandAugment | None = None,
        sampling: str = "segment",
        stride: int = 8,
        clips_per_video: int = 1,
        crops_per_clip: int = 1,
        decoder: Decoder = "pyav",
        exclude: str | Path | None = None,
        on_error: OnError = "raise",
        corruption: Sequence[str | int] | None = None,
        training_seed: int = 0,
        limits: Limits | Mapping[str, Any] | None = DEFAULT_LIMITS,
    ) -> None:
        super().__init__()
        for argument, value, least in (
            ("num_frames", num_frames, 1),
            ("batch_size", batch_size, 1),
            ("num_workers", num_workers, 0),
            ("resize", resize, 1),
            ("crop", crop, 1),
            ("stride", stride, 1),
            ("clips_per_video", clips_per_video, 1),
            ("training_seed", training_seed, 0),
        ):
            if type(value) is not int:
                raise ValueError(f"{argument} must be a whole number; got {value!r}")
            if value < least:
                raise ValueError(f"{argument} must be {least} or more; got {value}")
        if flip and not self.may_flip:
            raise ValueError(f"flip must be false for {self.name}: its classes tell left from right")
        check_crops(crops_per_clip)
        if crops_per_clip == 10 and not self.may_flip:
            raise ValueError(
                f"crops_per_clip must not be 10 for {self.name}: half of them are mirrored, and its classes "
                "tell left from right"
            )
        if decoder not in get_args(Decoder):
            raise ValueError(f"decoder must be {' or '.join(get_args(Decoder))}; got {decoder!r}")
        if decoder == "torchcodec":
            require_torchcodec()
        if exclude is not None and not isinstance(exclude, (str, Path)):
            raise ValueError(f"exclude must be the path of a file; got {exclude!r}")
        if on_error not in ("raise", "skip"):
            raise ValueError(f"on_error must be 'raise' or 'skip'; got {on_error!r}")
        self.root = Path(root)
        self.num_frames = num_frames
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.decoder: Decoder = decoder
        self.train_transform = ClipTransform(resize, crop, True, flip, mean, std, train_crop, randaugment)
        self.test_transform = ClipTransform(resize, crop, mean=mean, std=std)
        self.sampling = sampling_named(sampling, num_frames, stride)
        self.clips_per_video = clips_per_video
        self.crops_per_clip = crops_per_clip
        self.views_transform = self.test_transform
        if crops_per_clip > 1:
            self.views_transform = CropsTransform(resize, crop, crops_per_clip, mean, std)
        self.exclude = exclude
        self.on_error = on_error
        self.skipped = SkippedVideos(self.name)
        self.corruption = Corruption.of(corruption)
        self.training_seed = training_seed
        self.limits = Limits.of(limits)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @abstractmethod
    def all_videos(self, split: str) -> list[Video]:
        """The videos of one of `splits`, excluded ones too, in an order that is always the same."""

    def videos(self, split: str) -> list[Video]:
        """The videos of a split without the excluded ones, in an order that is always the same.

        Raises:
            ValueError: no such split, no excluded video is in any split, or all of this one's are excluded.
            FileNotFoundError: no file `exclude`.
        """
        self.check_split(split)
        videos = self.all_videos(split)
        if self.excluded is None or not self.excluded.names:
            return videos
        kept = self.excluded.without(videos)
        if not kept:
            raise ValueError(f"exclude={self.excluded.file} leaves no video of {self.name}'s split {split}")
        others = (other for other in self.splits if other != split)
        if len(kept) == len(videos) and not any(
            video in self.excluded for other in others for video in self.all_videos(other)
        ):
            raise self.excluded.names_none_of(self.name, videos[0])
        return kept

    @cached_property
    def excluded(self) -> ExclusionList | None:
        """What the file `exclude` names."""
        return None if self.exclude is None else ExclusionList(self.exclude, self.root)

    def check_split(self, split: str) -> None:
        """Raise a ValueError that names the splits there are, where `split` is none of them."""
        if split not in self.splits:
            raise ValueError(f"{self.name} has no split {split!r}; it has {', '.join(self.splits)}")

    def dataset(self, split: str, train: bool = False, views: bool = True) -> VideoDataset:
        """The split's clips: as in training; or as they are tested, without `views` in one view a video.

        Videos that were skipped before are not tried again when a split is tested, so that all passes over it
        are of the same. In a training, which may go on in another process, batches are always made of all.
        """
        transform, clips = (self.views_transform, self.clips_per_video) if views else (self.test_transform, 1)
        if train:
            transform, clips = self.train_transform, 1
        skipped = self.skipped.of(split) if views and not train else {}
        return VideoDataset(
            [video for video in self.videos(split) if video.video_id not in skipped],
            self.sampling,
            transform,
            train,
            clips,
            self.decoder,
            self._corruption_of(split),
            self.training_seed,
            self.limits,
            self.fence,
        )

    @property
    def test_batch_size(self) -> int:
        """Videos of a batch in testing."""
        return max(self.batch_size // (self.clips_per_video * self.crops_per_clip), 1)

    def dataloader(self, split: str, batches: Iterable[Sequence[int]] | None = None) -> DataLoader[Clip]:
        """Any split as it is tested: the same clips and crops every time, in the order of `videos(split)`.

        batches: which videos to give, by their places in `videos(split)`, and which of them together.
        """
        dataset = self.dataset(split)
        if batches is None:
            return self._loader(split, dataset, self.test_batch_size)
        return self._loader(split, dataset, ChosenBatches(batches, self.videos(split), dataset.videos))

    def train_dataloader(self) -> DataLoader[Clip]:
        """Training clips; with `on_error="skip"`, a batch that nothing is left of is None.

        The first epoch begins at the batch at which the training is that goes on.
        """
        dataset = self.dataset("train", train=True)
        order = TrainingOrder(len(dataset), self.batch_size, self.training_seed, **self._place_in_training())
        return self._loader("train", dataset, order)

    def val_dataloader(self) -> DataLoader[Clip]:
        return self._loader("calibration", self.dataset("calibration", views=False), self.batch_size)

    def test_dataloader(self) -> DataLoader[Clip]:
        return self.dataloader("test")

    def fingerprint(self, split: str) -> str:
        """12 hex digits over what a network gets to see of a split as `dataloader` gives it.

        That is each video's id, label and size (`FrameSource.size`), and how clips are made of them; the
        order of the videos and the folder they lie in do not count.
        """
        reading = f"{self.num_frames} frames, {self.views_transform}"
        if (self.sampling, self.clips_per_video) != (Segment(self.num_frames), 1):
            reading += f", {self.sampling}, {self.clips_per_video} clips"
        if self.decoder != "pyav":  # its colours may differ a little
            reading += f", {self.decoder}"
        if (corruption := self._corruption_of(split)) is not None:
            reading += f", {corruption}"
        return fingerprint_of(self.videos(split), reading)

    def split_name(self, split: str) -> str:
        """What a split's traces are named by: data set, split, any corruption, and `fingerprint`."""
        corruption = self._corruption_of(split)
        return str(SplitName(self.name, split, str(corruption or ""), self.fingerprint(split)))

    def keep_skipped(self, folder: Path) -> None:
        """With `on_error="skip"`, name the skipped videos in ``skipped.csv`` in `folder` from now on."""
        if self.on_error == "skip":
            self.skipped.keep_in(folder / "skipped.csv")

    def _corruption_of(self, split: str) -> Corruption | None:
        return self.corruption if split == "test" else None

    def state_dict(self) -> dict[str, Any]:
        """What a training that goes on has to know of the one before it."""
        return {"skipped": self.skipped.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.skipped.load_state_dict(state_dict["skipped"])

    def _place_in_training(self) -> dict[str, int]:
        """Which process of the trainer this is, and the epoch and the batch that it is to go on with."""
        if self.trainer is None:
            return {}
        loop: Any = self.trainer.fit_loop
        return {
            "rank": self.trainer.global_rank,
            "processes": self.trainer.world_size,
            "epoch": loop.epoch_progress.current.processed,
            "batch": loop.epoch_loop.batch_progress.current.completed if loop.restarting else 0,
        }

    def _loader(
        self, split: str, dataset: VideoDataset, batches: int | TrainingOrder | ChosenBatches
    ) -> DataLoader[Clip]:
        if self.on_error == "raise":
            return make_loader(dataset, self.num_workers, batches)
        self.skipped.sizes[split] = len(self.videos(split))
        return make_loader(dataset, self.num_workers, batches, leave_out=(self.skipped, split))
