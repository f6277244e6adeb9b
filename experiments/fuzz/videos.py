"""Mutated video files, each read as a training, a probe and decoding on demand read it.

T frames, H and W pixels, C = 3 colours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from shutil import rmtree

import av
import numpy as np
from experiments.fuzz.children import FAULT
from experiments.fuzz.video_mutations import MUTATIONS
from tests.data.numbered_clips import CLIPS, Made, write_packed

from dyninf.data import VideoError, VideoReader, decode_on_demand, middle_frames, probe
from dyninf.data.container import opened, packets_of
from dyninf.data.packet_index import index_packets
from dyninf.data.picture import Painter

SEEDS = [
    "h264, gop 12, 2 b",
    "h264, gop 12, 3 b, open",
    "h264, gop 250, 3 b",
    "h264, start hidden",
    "h264, gop 12, 3 b, sound",
    "h264, mkv, gop 12, 3 b, open",
    "h264, ts, gop 12, 3 b",
    "h264, avi, gop 12",
    "h264, raw",
    "hevc, gop 12, 3 b, open",
    "mpeg4, avi, gop 12, 2 b",
    "mpeg4, mp4, gop 250, 2 b, odd size",
    "mpeg2, gop 12, 2 b",
    "vp8",
    "vp9",
    "mjpeg",
    "h264, turned",
    "h264, fragmented",
    "mpeg4, packed",
    "h264, raw, large",
]
_VPX = {"g": "10", "cpu-used": "8", "deadline": "realtime", "threads": "1"}
_X264 = {"preset": "ultrafast", "threads": "1"}
_OWN = {
    "vp9": Made("libvpx-vp9", ".webm", _VPX),
    "mjpeg": Made("mjpeg", ".avi", pix_fmt="yuvj420p"),
    "h264, turned": Made("libx264", ".mp4", _X264, turned=(90, True)),
    "h264, raw, large": Made("libx264", ".h264", _X264, frames=2, width=3840, height=2160),
}
FRAMES = 4
"""Frames that are read of a video, spread over it."""


def write_seeds(folder: Path) -> None:
    """Encode the files that are mutated, each as NUMBER.ENDING."""
    for number, name in enumerate(SEEDS):
        place = folder / str(number)
        place.mkdir(parents=True)
        if name == "mpeg4, packed":
            path = place / "packed.avi"
            write_packed(path)
        elif name == "h264, fragmented":
            path = _fragmented(CLIPS["h264, gop 12, 2 b"].write(place))
        else:
            path = (_OWN.get(name) or CLIPS[name]).write(place)
        path.rename(folder / f"{number:02d}{path.suffix}")
        rmtree(place)


def _fragmented(path: Path) -> Path:
    """Copy an mp4 as streaming has it: an index without frames, and a piece a key frame."""
    copied = path.with_name("fragmented.mp4")
    options = {"movflags": "frag_keyframe+empty_moov"}
    with av.open(str(path)) as source, av.open(str(copied), "w", options=options) as target:
        copy = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = copy
                target.mux(packet)
    return copied


class Videos:
    """The cases: number by number another mutation, file and place, all of them from the seed.

    Args:
        seeds: the folder that `write_seeds` has filled.
    """

    def __init__(self, seeds: Path, seed: int = 0) -> None:
        self._seeds = seeds
        self._seed = seed

    def mutation(self, number: int) -> str:
        return list(MUTATIONS)[number % len(MUTATIONS)]

    def source(self, number: int) -> str:
        return SEEDS[self._source(number)]

    def mutated(self, number: int) -> tuple[bytes, str]:
        """The bytes of a case, and the ending of its file."""
        path = self._path(self._source(number))
        random = np.random.default_rng([self._seed, number])
        other = self._path(int(random.integers(0, len(SEEDS))))
        mutate = MUTATIONS[self.mutation(number)]
        return mutate(path.read_bytes(), other.read_bytes(), random), path.suffix

    def __call__(self, folder: Path) -> Reading:
        """What a child does."""
        return Reading(self, folder)

    def original(self, number: int) -> Path:
        """The file that a case mutates."""
        return self._path(self._source(number))

    def _source(self, number: int) -> int:
        return number // len(MUTATIONS) % len(SEEDS)

    def _path(self, number: int) -> Path:
        (path,) = self._seeds.glob(f"{number:02d}.*")
        return path


class Original:
    """What a file gives before it is mutated.

    frames: all of them, as decoding it all gives them;
    of_packets: the frame that is decoded from some packets, by their digest (`chains`).
    """

    def __init__(self, path: Path) -> None:
        self.frames = dict(enumerate(decoded_in_full(path)))
        self.of_packets = {chain: self.frames[index] for index, chain in chains(path).items()}


class Reading:
    """Writes the file of a case, reads it in every way, and judges what came of it."""

    def __init__(self, videos: Videos, folder: Path) -> None:
        self._videos = videos
        self._folder = folder
        self._original = cache(Original)

    def read(self, number: int) -> list[tuple[int, np.ndarray]] | VideoError:
        data, ending = self._videos.mutated(number)
        self._path = self._folder / f"case{ending}"
        self._path.write_bytes(data)
        try:
            return read_by_all_ways(self._path)
        except VideoError as error:
            return error

    def judge(self, number: int, result: list[tuple[int, np.ndarray]] | VideoError) -> tuple[str, str]:
        if isinstance(result, VideoError):
            message = str(result)
            clean = message.startswith(f"{self._path}: ") and "\n" not in message and len(message) < 400
            return ("clean error" if clean else FAULT), message.removeprefix(f"{self._path}: ")
        return outcome_of(self._path, result, self._original(self._videos.original(number)))


def outcome_of(path: Path, read: list[tuple[int, np.ndarray]], original: Original) -> tuple[str, str]:
    """Whether the frames that were read of a file are right.

    A frame is if it is the original's of this number, the one that decoding all of the file gives, or the
    one that its packets gave in the original. Where packets were damaged libav gives what it can, and that
    depends on what it decoded before; nothing can be said of such a frame.
    """
    other = [(index, frame) for index, frame in read if not _same(frame, original.frames.get(index))]
    if not other:
        return "read as before", ""
    last = max(index for index, _ in other)
    wanted = {index for index, _ in other}
    whole = {i: f for i, f in enumerate(islice(decoded_in_full(path), last + 1)) if i in wanted}
    chain_of = chains(path)
    unlike = [(index, frame) for index, frame in other if not _same(frame, whole.get(index))]
    for index, frame in unlike:
        expected = original.of_packets.get(chain_of.get(index, b""))
        if expected is not None and not _same(frame, expected):
            return FAULT, f"frame {index} is another than that of its packets, which are not damaged"
    damaged = [index for index, _ in unlike if chain_of.get(index) not in original.of_packets]
    if damaged:
        return "read, damaged frames", f"frames {damaged}"
    return "read, exact", ""


def read_by_all_ways(path: Path) -> list[tuple[int, np.ndarray]]:
    """The number and the pixels of every frame that came, after reading and probing agree."""
    with VideoReader(path) as reader:
        count = reader.count()
        indices = middle_frames(count, min(count, FRAMES))
        frames_THWC = reader.read(indices)
    read = list(zip(indices, frames_THWC, strict=True))
    groups = [group for group in (indices[::2], indices[1::2]) if group]
    for group, frames in zip(groups, decode_on_demand(path, groups), strict=True):
        read += zip(group, frames, strict=True)
    info = probe(path)
    if (info.frames, info.height, info.width) != (count, *frames_THWC.shape[1:3]):
        raise RuntimeError(f"probe gives {info}, reading {count} frames of {frames_THWC.shape[1:3]}")
    return read


def decoded_in_full(path: Path) -> Iterator[np.ndarray]:
    """All frames that plain PyAV gives, up to where it cannot go on."""
    with opened(path) as (container, stream):
        painter = Painter(stream.width, stream.height)
        try:
            for frame in container.decode(stream):
                yield painter.picture(frame)
        except av.FFmpegError:
            return


def chains(path: Path) -> dict[int, bytes]:
    """For each frame a digest of the packets that it is decoded from, where the packets tell it."""
    with opened(path) as (container, stream):
        try:
            packets = list(packets_of(container, stream))
            index = index_packets(packets, stream)
        except av.FFmpegError:
            return {}
        setup = repr((stream.width, stream.height, stream.codec_context.name, stream.codec_context.extradata))
    digests = [hashlib.sha256(bytes(packet)).digest() for packet in packets]
    found = {}
    for frame, (packet, key) in enumerate(zip(index.packet_F, index.key_F, strict=True)):
        found[frame] = hashlib.sha256(setup.encode() + b"".join(digests[key : packet + 1])).digest()
    return found


def _same(frame: np.ndarray, other: np.ndarray | None) -> bool:
    return other is not None and np.array_equal(frame, other)
