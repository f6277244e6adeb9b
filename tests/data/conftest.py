"""Video files that tell which frame is which, and one small synthetic data set for all tests."""

import importlib.util
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.data.numbered_clips import CLIPS, decoded_in_full

from dyninf.data import Synthetic
from dyninf.data.drawn_files import encode
from dyninf.data.mocap_motions import Motion, load
from dyninf.data.torchcodec_reader import require_torchcodec


@pytest.fixture(scope="session")
def numbered_video(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes an mp4 file whose frame i is evenly grey with brightness 20 + 6 i."""

    def make(frames: int = 32, height: int = 48, width: int = 64) -> Path:
        path = tmp_path_factory.mktemp("videos") / f"numbered-{frames}.mp4"
        brightness_T = (20 + 6 * np.arange(frames)).astype(np.uint8)
        encode(np.broadcast_to(brightness_T[:, None, None, None], (frames, height, width, 3)), path)
        return path

    return make


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, np.ndarray]]:
    """Makes the clip of a name, once: its path, and all frames THWC as PyAV alone reads them."""

    @cache
    def make(name: str) -> tuple[Path, np.ndarray]:
        path = CLIPS[name].write(tmp_path_factory.mktemp("clips"))
        return path, decoded_in_full(path)

    return make


@pytest.fixture(scope="session")
def torchcodec() -> None:
    """Skips the test where torchcodec or FFmpeg is missing; in CI both have to be there."""
    try:
        require_torchcodec()
    except ValueError as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Synthetic:
    """Two training clips and one calibration and test clip of each class."""
    root = tmp_path_factory.mktemp("synthetic")
    return Synthetic(root, batch_size=5, num_workers=0, train_clips=2, calibration_clips=1, test_clips=1)


@pytest.fixture(scope="session")
def motions() -> dict[str, Motion]:
    """The captured motions, where their package is installed; in CI on Python 3.11 it has to be."""
    there = importlib.util.find_spec("pybullet_data") is not None
    if not there and not (os.environ.get("CI") and sys.version_info[:2] == (3, 11)):
        pytest.skip("needs pip install 'dyninf[mocap]'")
    return load()
