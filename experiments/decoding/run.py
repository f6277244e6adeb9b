"""How long it takes to read a clip's frames from an H.264 file, for several decoders and key-frame distances.

    python -m experiments.decoding.run [--rounds N] [--out DIR]

Every reader opens the file, decodes on one thread and gives the frames as RGB arrays. Readers run in turn
in one process, so that a slow spell of the machine meets all of them; figures are medians over rounds. The
frames of every reader are compared with those of reading straight through before any time is taken.

Legend: T frames of a clip, H, W.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import torch

from dyninf.data import middle_frames, read_frames
from dyninf.data.container import opened, packets_of

try:
    from torchcodec.decoders import VideoDecoder
except (
    ImportError,
    OSError,
    RuntimeError,
):  # not installed, or no FFmpeg that it finds
    VideoDecoder = None

HERE = Path(__file__).resolve().parent
FRAMES, HEIGHT, WIDTH, RATE = 300, 256, 340, 30
CASES = ((12, 16), (30, 16), (250, 16), (12, 4))  # frames between key frames, frames read
Reader = Callable[[Path, Sequence[int]], np.ndarray]


def main() -> None:
    """Measure, write results.json and results.md, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = {gop: write(Path(folder) / f"gop{gop}.mp4", gop) for gop in {gop for gop, _ in CASES}}
        cases = [
            {"gop": gop, "frames": frames, "ms": milliseconds(clips[gop], frames, arguments.rounds)}
            for gop, frames in CASES
        ]
        jumps = {gop: jump_in_frames(clips[gop], arguments.rounds) for gop in (12, 30)}
    results = {
        "machine": f"{platform.machine()}, 1 thread, av {av.__version__}, torch {torch.__version__}",
        "rounds": arguments.rounds,
        "cases": cases,
        "jump_in_decoded_frames": jumps,
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    text = table(cases)
    (arguments.out / "results.md").write_text(text)
    print(f"{results['machine']}\n{text}a jump costs, in decoded frames: {jumps}")


def milliseconds(path: Path, num_frames: int, rounds: int) -> dict[str, list[float]]:
    """Quartiles of the time of one clip, for each reader."""
    indices = middle_frames(FRAMES, num_frames)
    expected_THWC = straight_through(path, indices)
    for name, read in READERS.items():
        # Conversions to RGB differ by a little between libraries; a wrong frame differs by far more.
        far = np.abs(read(path, indices).astype(int) - expected_THWC).mean()
        if far > 2:
            raise RuntimeError(f"{name} gives other frames of {path.name} than reading straight through")
    taken: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(rounds):
        for name, read in READERS.items():
            started = time.perf_counter()
            read(path, indices)
            taken[name].append(1000 * (time.perf_counter() - started))
    return {name: quartiles(values) for name, values in taken.items()}


def quartiles(values: Sequence[float]) -> list[float]:
    """Three figures, also of a single value."""
    return [round(float(value), 2) for value in np.quantile(values, (0.25, 0.5, 0.75))]


def straight_through(path: Path, indices: Sequence[int]) -> np.ndarray:
    """Plain PyAV, decoding everything up to the last frame."""
    pictures = {}
    with opened(path) as (container, stream):
        for index, frame in enumerate(container.decode(stream)):
            if index in indices:
                pictures[index] = frame.to_ndarray(format="rgb24")
            if index == max(indices):
                break
    return np.stack([pictures[index] for index in indices])


def seeking_to_every_frame(path: Path, indices: Sequence[int]) -> np.ndarray:
    """Plain PyAV, from the key frame before each frame; right for an even frame rate only."""
    pictures = []
    with opened(path) as (container, stream):
        assert stream.time_base is not None
        for index in indices:
            wanted = (stream.start_time or 0) + round(index / RATE / stream.time_base)
            container.seek(wanted, stream=stream)
            frame = next(f for f in container.decode(stream) if f.pts is not None and f.pts >= wanted)
            pictures.append(frame.to_ndarray(format="rgb24"))
    return np.stack(pictures)


def torchcodec(path: Path, indices: Sequence[int]) -> np.ndarray:
    """Its exact mode, which scans the file for its frames."""
    decoder = VideoDecoder(str(path), dimension_order="NHWC", num_ffmpeg_threads=1)
    return decoder.get_frames_at(list(indices)).data.numpy()


READERS: dict[str, Reader] = {
    "dyninf": read_frames,
    "PyAV straight through": straight_through,
    "PyAV seeking to every frame": seeking_to_every_frame,
}
if VideoDecoder is not None:
    READERS["torchcodec"] = torchcodec


def jump_in_frames(path: Path, rounds: int) -> float:
    """What emptying the decoder and starting it again costs, in decoded frames: `decode_plan.JUMP_COST`."""
    with opened(path) as (container, stream):
        context = stream.codec_context
        packets = list(packets_of(container, stream))
        starts = sum(packet.is_keyframe for packet in packets) - 1

        def seconds(jumping: bool) -> float:
            context.flush_buffers()
            started = time.process_time()
            for number, packet in enumerate(packets):
                if jumping and packet.is_keyframe and number:
                    context.decode(None)
                    context.flush_buffers()
                context.decode(packet)
            context.decode(None)
            return time.process_time() - started

        seconds(False)  # the first round allocates
        pairs = [(seconds(False), seconds(True)) for _ in range(rounds)]
    through = statistics.median(plain for plain, _ in pairs)
    more = statistics.median(jumping - plain for plain, jumping in pairs)
    return round(more / starts / (through / len(packets)), 2)


def write(path: Path, gop: int) -> Path:
    """A clip of a textured picture that moves, with x264's usual B-frames."""
    noise = np.random.default_rng(0)
    texture_HWC = noise.integers(0, 255, (48, 60, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    options = {"g": str(gop), "crf": "23", "threads": "1"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=RATE, width=WIDTH, height=HEIGHT, pix_fmt="yuv420p", options=options
        )
        for number in range(FRAMES):
            y, x = number // 3, number % 120
            picture_HWC = texture_HWC[y : y + HEIGHT, x : x + WIDTH].astype(int)
            picture_HWC += noise.integers(-6, 7, picture_HWC.shape)
            picture_HWC = np.clip(picture_HWC, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture_HWC, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def table(cases: Sequence[dict]) -> str:
    """Medians, with the quartiles behind them."""
    lines = [
        f"| milliseconds a clip | {' | '.join(READERS)} |",
        "|" + " --- |" * (1 + len(READERS)),
    ]
    for case in cases:
        cells = [f"{median} ({low}–{high})" for low, median, high in case["ms"].values()]
        lines.append(f"| {case['frames']} of {FRAMES} frames, GOP {case['gop']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
