"""A video to measure decoding on: drawn, encoded as H.264, as large as those of Kinetics-400 are kept."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

HEIGHT, WIDTH, FRAMES, RATE, GOP = 256, 340, 300, 30, 250


def write_example_video(path: Path, seed: int = 0) -> None:
    """Ten seconds of coloured waves that drift over a still texture, one key frame in 250."""
    draw = np.random.default_rng(seed)
    texture_HWC = draw.normal(0, 12, (HEIGHT // 4, WIDTH // 4, 3)).repeat(4, 0).repeat(4, 1)
    y_H1, x_1W = np.arange(HEIGHT)[:, None], np.arange(WIDTH)[None]
    wave_C4 = draw.uniform([0.01, 0.01, 0.05, 0], [0.06, 0.06, 0.3, 6.3], (3, 4))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"g": str(GOP), "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        for time in range(FRAMES):
            waves = [np.sin(a * y_H1 + b * x_1W + c * time + d) for a, b, c, d in wave_C4]
            picture_HWC = 128 + 70 * np.stack(waves, -1) + texture_HWC
            frame = av.VideoFrame.from_ndarray(picture_HWC.clip(0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
