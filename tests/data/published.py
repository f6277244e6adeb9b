"""Tiny data sets in the formats of the published ones, each with a few encoded clips.

A maker writes into a folder and says what it wrote. The classes differ in colour, so that a network can
learn them. Legend: T frames, H, W pixels, C = 3 colours.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from PIL import Image

CODECS = {".avi": "mpeg4", ".mp4": "libx264", ".webm": "libvpx-vp9"}
_QUICK = {"libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"}, "libx264": {"preset": "ultrafast"}}


@dataclass(frozen=True)
class Made:
    """A data set on disk. train, test: the label of each video's id, before any is held out."""

    root: Path
    classes: tuple[str, ...]
    train: dict[str, int] = field(default_factory=dict)
    test: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """A clip to be made: number `index` of a class in a split ("train" or "test")."""

    split: str
    label: int
    class_name: str
    index: int

    @property
    def number(self) -> int:
        """No other item of the data set has it."""
        return 10_000 * (self.label + 1) + 5_000 * (self.split == "test") + self.index

    def frames(self, frames: int) -> np.ndarray:
        """uint8 THWC, 48 x 64: noise in the colour of the class."""
        noise = np.random.default_rng(self.number)
        hue_C = 128 + 90 * np.cos(2 * np.pi * (self.label / 3 + np.arange(3) / 3) + self.label)
        return np.clip(hue_C + noise.normal(0, 12, (frames, 48, 64, 3)), 0, 255).astype(np.uint8)


def items(classes: Sequence[str], per_class: int, test_per_class: int) -> Iterator[Item]:
    """Training before testing, then class by class."""
    for split, count in (("train", per_class), ("test", test_per_class)):
        for label, name in enumerate(classes):
            yield from (Item(split, label, name, index) for index in range(count))


def write_video(path: Path, frames_THWC: np.ndarray) -> None:
    """Encode with the codec of the ending (`CODECS`); the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec, (height, width) = CODECS[path.suffix], frames_THWC.shape[1:3]
    options = _QUICK.get(codec, {})
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            codec, rate=12, width=width, height=height, pix_fmt="yuv420p", options=options
        )
        for frame_HWC in frames_THWC:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")))
        container.mux(stream.encode(None))


def write_images(folder: Path, frames_THWC: np.ndarray, image: str = "{:05d}.jpg") -> None:
    """One image a frame, counted from 1; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame_HWC in enumerate(frames_THWC, start=1):
        Image.fromarray(frame_HWC).save(folder / image.format(number))


def write_lines(file: Path, lines: Sequence[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines))


def make_kinetics400(
    root: Path,
    classes: Sequence[str] = ("air drumming", "zumba"),
    per_class: int = 4,
    test_per_class: int = 2,
    frames: int = 8,
    csv_files: tuple[str, str] = ("train.csv", "val.csv"),
    place: str = "{split}/{class_name}/{id}_{start:06d}_{end:06d}.mp4",
) -> Made:
    """Kinetics-400 as published. place: of a video; `{split}` is train or val, `{class_}` has underscores."""
    made = Made(root, tuple(classes))
    rows: dict[str, list[str]] = {"train": [], "test": []}
    for item in items(classes, per_class, test_per_class):
        split, start, end = ("val" if item.split == "test" else "train"), item.index, item.index + 10
        youtube_id = f"-id_{item.number}"
        path = place.format(
            split=split,
            class_name=item.class_name,
            class_=item.class_name.replace(" ", "_"),
            id=youtube_id,
            start=start,
            end=end,
        )
        write_video(root / path, item.frames(frames))
        rows[item.split].append(f"{item.class_name},{youtube_id},{start},{end},{split}")
        getattr(made, item.split)[f"{youtube_id}_{start:06d}_{end:06d}"] = item.label
    for file, lines in zip(csv_files, rows.values(), strict=True):
        write_lines(root / file, ["label,youtube_id,time_start,time_end,split", *lines])
    return made


def make_video_list(
    root: Path,
    classes: Sequence[str] = ("air_drumming", "zumba"),
    per_class: int = 4,
    test_per_class: int = 2,
    frames: int = 8,
    lists: tuple[str, str] = ("kinetics400_train_list_videos.txt", "kinetics400_val_list_videos.txt"),
    separator: str = " ",
    folder: str = "videos_{split}",
) -> Made:
    """Lists "path label", the paths below `folder`, where the videos lie in a folder a class."""
    made = Made(root, tuple(classes))
    rows: dict[str, list[str]] = {"train": [], "test": []}
    for item in items(classes, per_class, test_per_class):
        path = f"{item.class_name}/video {item.number}.mp4"
        where = root / folder.format(split="val" if item.split == "test" else "train")
        write_video(where / path, item.frames(frames))
        rows[item.split].append(f"{path}{separator}{item.label}")
        getattr(made, item.split)[path.removesuffix(".mp4")] = item.label
    for file, lines in zip(lists, rows.values(), strict=True):
        write_lines(root / file, lines)
    return made


def make_frame_list(
    root: Path,
    classes: Sequence[str] = ("Holding something", "Dropping something"),
    per_class: int = 4,
    test_per_class: int = 2,
    frames: int = 8,
    lists: tuple[str, str] = ("train_videofolder.txt", "val_videofolder.txt"),
    image: str = "img_{:05d}.jpg",
    folder: str = "frames",
    class_file: str | None = "category.txt",
) -> Made:
    """Lists "folder frames label" of extracted frames as TSM has them, and the names of the classes."""
    made = Made(root, tuple(classes))
    rows: dict[str, list[str]] = {"train": [], "test": []}
    for item in items(classes, per_class, test_per_class):
        write_images(root / folder / str(item.number), item.frames(frames), image)
        rows[item.split].append(f"{item.number} {frames} {item.label}")
        getattr(made, item.split)[str(item.number)] = item.label
    for file, lines in zip(lists, rows.values(), strict=True):
        write_lines(root / file, lines)
    if class_file is not None:
        write_lines(root / class_file, classes)
    return made


def make_ucf101(
    root: Path,
    classes: Sequence[str] = ("ApplyEyeMakeup", "YoYo"),
    per_class: int = 4,
    test_per_class: int = 2,
    frames: int = 8,
    lists: str = "ucfTrainTestlist",
    videos: str = "UCF-101",
) -> tuple[Made, Made, Made]:
    """UCF-101 as published, what each fold has; every clip is a group of its own. lists, videos: folders."""
    folds = tuple(Made(root, tuple(classes)) for _ in range(3))
    write_lines(root / lists / "classInd.txt", [f"{n} {name}" for n, name in enumerate(classes, start=1)])
    count = per_class + test_per_class
    for item in items(classes, count, 0):
        clip = f"{item.class_name}/v_{item.class_name}_g{item.index + 1:02d}_c01"
        write_video(root / videos / f"{clip}.avi", item.frames(frames))
        for fold, made in enumerate(folds):
            tested = (item.index - fold) % count < test_per_class
            (made.test if tested else made.train)[clip] = item.label
    for fold, made in enumerate(folds, start=1):
        train = [f"{clip}.avi {label + 1}" for clip, label in made.train.items()]
        write_lines(root / lists / f"trainlist0{fold}.txt", train)
        write_lines(root / lists / f"testlist0{fold}.txt", [f"{clip}.avi" for clip in made.test])
    return folds


def make_hmdb51(
    root: Path,
    classes: Sequence[str] = ("brush_hair", "wave"),
    per_class: int = 4,
    test_per_class: int = 2,
    frames: int = 8,
    lists: str = "testTrainMulti_7030_splits",
    videos: str = "hmdb51_org",
) -> tuple[Made, Made, Made]:
    """HMDB-51 as published, what each fold has; one more clip of each class is in no fold."""
    folds = tuple(Made(root, tuple(classes)) for _ in range(3))
    count = per_class + test_per_class
    rows: dict[tuple[str, int], list[str]] = {}
    for item in items(classes, count + 1, 0):
        clip = f"Film_{item.index}_(a)_{item.class_name}_u_nm_np1_ba_goo_0"
        write_video(root / videos / item.class_name / f"{clip}.avi", item.frames(frames))
        for fold, made in enumerate(folds, start=1):
            kind = 0 if item.index == count else 2 if (item.index - fold) % count < test_per_class else 1
            rows.setdefault((item.class_name, fold), []).append(f"{clip}.avi {kind} ")
            if kind:
                (made.train if kind == 1 else made.test)[f"{item.class_name}/{clip}"] = item.label
    for (name, fold), lines in rows.items():
        write_lines(root / lists / f"{name}_test_split{fold}.txt", lines)
    return folds


def make_something_v1(
    root: Path,
    classes: Sequence[str] = ("Holding something", "Dropping something, then looking"),
    per_class: int = 4,
    test_per_class: int = 2,
    frames: int = 8,
) -> Made:
    """Something-Something v1 as published; the classes in the order given."""
    name = "something-something-v1"
    made = Made(root, tuple(classes))
    for item in items(classes, per_class, test_per_class):
        write_images(root / f"20bn-{name}" / str(item.number), item.frames(frames))
        getattr(made, item.split)[str(item.number)] = item.label
    write_lines(root / f"{name}-labels.csv", classes)
    for file, labels in (("train", made.train), ("validation", made.test)):
        rows = [f"{video_id};{classes[label]}" for video_id, label in labels.items()]
        write_lines(root / f"{name}-{file}.csv", rows)
    write_lines(root / f"{name}-test.csv", ["99"])
    return made


def make_something_v2(
    root: Path,
    templates: Sequence[str] = ("Holding [something]", "Putting [something] onto [something]"),
    per_class: int = 4,
    test_per_class: int = 2,
    frames: int = 8,
    json_files: tuple[str, str, str] = ("labels.json", "train.json", "validation.json"),
) -> Made:
    """Something-Something v2 as published, the classes numbered in the order of their templates."""
    classes = tuple(template.replace("[", "").replace("]", "") for template in templates)
    made = Made(root, classes)
    for item in items(classes, per_class, test_per_class):
        write_video(root / f"20bn-something-something-v2/{item.number}.webm", item.frames(frames))
        getattr(made, item.split)[str(item.number)] = item.label
    # The published file is in the order of the names, whatever their numbers.
    numbers = {name: str(label) for label, name in sorted(enumerate(classes), key=lambda pair: pair[1])}
    labels, train, validation = (root / file for file in json_files)
    write_lines(labels, [json.dumps(numbers)])
    for file, label_of in ((train, made.train), (validation, made.test)):
        entries = [
            {
                "id": video_id,
                "label": templates[label].replace("[something]", "a cup"),
                "template": templates[label],
                "placeholders": ["a cup"] * templates[label].count("["),
            }
            for video_id, label in label_of.items()
        ]
        write_lines(file, [json.dumps(entries)])
    return made


MAKERS = {
    "kinetics400": make_kinetics400,
    "ucf101": make_ucf101,
    "hmdb51": make_hmdb51,
    "something_v1": make_something_v1,
    "something_v2": make_something_v2,
}
"""The maker of each data set, by its name."""
