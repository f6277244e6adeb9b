"""Video files that tell which frame is which, and one small synthetic data set for all tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dyninf.data import Synthetic
from dyninf.data.drawn_files import encode


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
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Synthetic:
    """Two training clips and one calibration and test clip of each class."""
    root = tmp_path_factory.mktemp("synthetic")
    return Synthetic(root, batch_size=5, num_workers=0, train_clips=2, calibration_clips=1, test_clips=1)
