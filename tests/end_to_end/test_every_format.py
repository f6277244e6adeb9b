"""Every data set in every form that it has: a tiny network is trained, validated and tested on its files."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from tests.data.checks import LISTS, MODULES, SMALL
from tests.data.published import (
    Made,
    items,
    make_frame_list,
    make_hmdb51,
    make_kinetics400,
    make_something_v1,
    make_something_v2,
    make_ucf101,
    make_video_list,
    write_images,
    write_lines,
    write_video,
)
from torch.optim import SGD

import dyninf
from dyninf.data import (
    HMDB51,
    UCF101,
    Kinetics400,
    SomethingV1,
    SomethingV2,
    VideoDataModule,
    VideoFolder,
)
from dyninf.schemes import JointModule

Form = Callable[[Path], tuple[Made, VideoDataModule]]
SIZES = {"per_class": 3, "test_per_class": 1, "frames": 4}


def published(module: type[VideoDataModule], make: Callable[..., Made], **how: object) -> Form:
    return lambda root: (make(root, **SIZES, **how), module(root, **SMALL))


def listed(module: type[VideoDataModule], make: Callable[..., Made], **how: object) -> Form:
    return lambda root: (make(root, **SIZES, **how), module(root, **LISTS, **SMALL))


def fold(module: type[VideoDataModule], make: Callable[..., tuple[Made, ...]], number: int) -> Form:
    return lambda root: (make(root, **SIZES)[number - 1], module(root, fold=number, **SMALL))


def own_folders(ending: str, calibration: bool = False) -> Form:
    """``ROOT/{train,calibration,test}/CLASS/NUMBER.ENDING``."""

    def make(root: Path) -> tuple[Made, VideoDataModule]:
        made = Made(root, ("left", "right"))
        for item in items(made.classes, 3, 1):
            held = calibration and item.split == "train" and item.index == 2
            path = f"{'calibration' if held else item.split}/{item.class_name}/{item.number}{ending}"
            write_video(root / path, item.frames(4))
            getattr(made, item.split)[path] = item.label
        return made, VideoFolder(root, **SMALL)

    return make


def own_lists(ending: str, label: str, calibration: bool = False, class_file: bool = False) -> Form:
    """Lists of files, or of folders of images where there is no ending; a label is a name or a number."""

    def make(root: Path) -> tuple[Made, VideoDataModule]:
        made = Made(root, ("left", "right"))
        rows: dict[str, list[str]] = {"train": [], "calibration": [], "test": []}
        for item in items(made.classes, 3, 1):
            held = calibration and item.split == "train" and item.index == 2
            said = label.format(name=item.class_name, number=item.label)
            if ending:
                write_video(root / f"own clips/{item.number}{ending}", item.frames(4))
            else:
                write_images(root / f"own clips/{item.number}", item.frames(4))
            line = f"own clips/{item.number}{ending or ' 4'} {said}"
            rows["calibration" if held else item.split].append(line)
            getattr(made, item.split)[f"own clips/{item.number}"] = item.label
        for split, lines in rows.items():
            write_lines(root / f"{split}.txt", lines)
        if class_file:
            write_lines(root / "classes.txt", made.classes)
        lists = {"train_list": "train.txt", "test_list": "test.txt"}
        lists |= {"calibration_list": "calibration.txt"} if calibration else {}
        return made, VideoFolder(root, **lists, **SMALL)

    return make


kinetics = partial(published, Kinetics400, make_kinetics400)
kinetics_list = partial(published, Kinetics400, make_video_list)
FORMS: dict[str, Form] = {
    "kinetics400, folders of classes": kinetics(),
    "kinetics400, folders with underscores": kinetics(
        place="{split}/{class_}/{id}_{start:06d}_{end:06d}.mp4"
    ),
    "kinetics400, names are ids": kinetics(place="{split}/{class_name}/{id}.mp4"),
    "kinetics400, one folder a split": kinetics(place="videos_{split}/{id}_{start:06d}_{end:06d}.mp4"),
    "kinetics400, one folder": kinetics(place="{id}.mp4"),
    "kinetics400, validate.csv": kinetics(csv_files=("train.csv", "validate.csv")),
    **{
        f"kinetics400, {name}_train.csv": kinetics(csv_files=(f"{name}_train.csv", f"{name}_val.csv"))
        for name in ("kinetics400", "kinetics-400", "kinetics_400", "kinetics")
    },
    "kinetics400, MMAction2's list of videos": kinetics_list(),
    "kinetics400, MMAction2's list of frames": published(
        Kinetics400,
        make_frame_list,
        lists=("kinetics400_train_list_rawframes.txt", "kinetics400_val_list_rawframes.txt"),
    ),
    "kinetics400, SlowFast's list": kinetics_list(lists=("train.csv", "val.csv")),
    "kinetics400, SlowFast's list with commas": kinetics_list(lists=("train.csv", "val.csv"), separator=","),
    "kinetics400, TSM's list": published(Kinetics400, make_frame_list),
    **{f"ucf101, fold {number}": fold(UCF101, make_ucf101, number) for number in (1, 2, 3)},
    **{f"hmdb51, fold {number}": fold(HMDB51, make_hmdb51, number) for number in (1, 2, 3)},
    "something_v1": published(SomethingV1, make_something_v1),
    "something_v2": published(SomethingV2, make_something_v2),
    "something_v2, labels/": published(
        SomethingV2,
        make_something_v2,
        json_files=("labels/labels.json", "labels/train.json", "labels/validation.json"),
    ),
    "something_v2, long names": published(
        SomethingV2,
        make_something_v2,
        json_files=tuple(f"something-something-v2-{name}.json" for name in ("labels", "train", "validation")),
    ),
    **{f"{module.name}, list of frames": listed(module, make_frame_list) for module in MODULES},
    **{
        f"{module.name}, list of videos": listed(module, make_video_list, lists=tuple(LISTS.values()))
        for module in MODULES
    },
    **{f"video_folder, folders, {ending}": own_folders(ending) for ending in (".mp4", ".webm", ".avi")},
    "video_folder, folders with calibration": own_folders(".mp4", calibration=True),
    **{f"video_folder, list, {ending}": own_lists(ending, "{name}") for ending in (".mp4", ".webm", ".avi")},
    "video_folder, list of frames": own_lists("", "{name}"),
    "video_folder, list of numbers": own_lists(".mp4", "{number}", class_file=True),
    "video_folder, list of frames and numbers": own_lists("", "{number}", class_file=True),
    "video_folder, list with calibration": own_lists(".mp4", "{name}", calibration=True),
}


class Seen(Callback):
    """The label that every video came with, by phase."""

    def __init__(self) -> None:
        self.train: dict[str, int] = {}
        self.val: dict[str, int] = {}
        self.test: dict[str, int] = {}

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        self.train |= _labels(batch)

    def on_validation_batch_end(self, trainer, module, outputs, batch, batch_idx, dataloader_idx=0):
        self.val |= _labels(batch)

    def on_test_batch_end(self, trainer, module, outputs, batch, batch_idx, dataloader_idx=0):
        self.test |= _labels(batch)


def _labels(batch) -> dict[str, int]:
    return dict(zip(batch.video_id, batch.label.tolist(), strict=True))


@pytest.mark.parametrize("form", FORMS)
def test_a_network_is_trained_validated_and_tested_on(form: str, tmp_path: Path) -> None:
    made, datamodule = FORMS[form](tmp_path)
    torch.manual_seed(0)
    network = dyninf.build_network("resnet_small", "joint", 2, 4, width=8, head_width=16)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    module, seen = JointModule(network, optimizer=partial(SGD, lr=0.01)), Seen()
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[seen],
    )
    trainer.fit(module, datamodule)
    (validated,) = trainer.validate(module, datamodule, verbose=False)
    (tested,) = trainer.test(module, datamodule, verbose=False)

    assert datamodule.class_names == made.classes
    assert seen.train | seen.val == made.train
    assert not seen.train.keys() & seen.val.keys()
    assert set(seen.val.values()) == {0, 1}
    assert seen.test == made.test
    assert all(torch.tensor([validated["val/loss"], tested["test/loss"]]).isfinite())
    assert any(not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))
