"""Clips that carry their frame numbers in their pixels, in the formats and with the quirks that files have.

Frame i shows i in binary: 2 rows of 4 blocks, white for 1, over a drifting background. T frames, H, W pixels,
C = 3 colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 10
_X264 = {"preset": "ultrafast", "threads": "1"}
_X265 = "log-level=none:pools=none:frame-threads=1:scenecut=0:b-adapt=0"


@dataclass(frozen=True)
class Made:
    """How a clip is made.

    times: when each frame is shown, in units of a tenth of a second; evenly from 0 on where there are none;
    turned: degrees counter-clockwise by which it is to be turned, and whether it is mirrored then;
    cut: frames of the beginning that an edit list hides;
    sound: whether there is a track of silence beside the pictures;
    tells: whether the packets are expected to tell which frame is which.
    """

    codec: str
    ending: str
    options: dict[str, str] = field(default_factory=dict)
    frames: int = 40
    width: int = 64
    height: int = 48
    pix_fmt: str = "yuv420p"
    times: Sequence[int] | None = None
    turned: tuple[int, bool] = (0, False)
    cut: int = 0
    sound: bool = False
    tells: bool = True

    def write(self, folder: Path) -> Path:
        path = folder / f"clip{self.ending}"
        times = range(self.frames) if self.times is None else self.times
        with av.open(str(path), "w") as container:
            stream = container.add_stream(
                self.codec,
                rate=RATE,
                width=self.width,
                height=self.height,
                pix_fmt=self.pix_fmt,
                options=self.options,
            )
            silence = container.add_stream("aac", rate=8000, layout="mono") if self.sound else None
            if self.turned != (0, False):
                stream.set_display_rotation(self.turned[0], hflip=self.turned[1])
            for number, time in enumerate(times):
                picture = av.VideoFrame.from_ndarray(drawn(number, self.height, self.width), format="rgb24")
                picture.pts, picture.time_base = time, Fraction(1, RATE)
                container.mux(stream.encode(picture))
                if silence is not None:
                    part = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
                    part.sample_rate, part.pts, part.time_base = 8000, 800 * number, Fraction(1, 8000)
                    container.mux(silence.encode(part))
            container.mux(stream.encode(None))
            if silence is not None:
                container.mux(silence.encode(None))
        return hide_start(path, self.cut) if self.cut else path


def drawn(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """uint8 HWC: frame `number` as it goes into the encoder."""
    y, x = np.mgrid[:height, :width]
    grey = (96 + 30 * np.sin((x + 2 * number) / 9) + 20 * np.cos((y - number) / 7)).astype(np.uint8)
    picture_HWC = np.stack([grey, grey, 255 - grey], axis=-1)
    high, wide = height // 2, width // 4
    for bit in range(8):
        row, column = divmod(bit, 4)
        block = np.s_[row * high + 4 : (row + 1) * high - 4, column * wide + 2 : (column + 1) * wide - 2]
        picture_HWC[block] = 255 if number >> bit & 1 else 0
    return picture_HWC


def number_of(picture_HWC: np.ndarray) -> int:
    """The number that a picture shows."""
    height, width = picture_HWC.shape[:2]
    high, wide = height // 2, width // 4
    number = 0
    for bit in range(8):
        row, column = divmod(bit, 4)
        block = np.s_[row * high + 6 : (row + 1) * high - 6, column * wide + 4 : (column + 1) * wide - 4]
        number |= int(picture_HWC[block].mean() > 128) << bit
    return number


def decoded_in_full(path: Path) -> np.ndarray:
    """uint8 THWC: every frame, read through by PyAV alone."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def hide_start(path: Path, frames: int) -> Path:
    """Copy an mp4 so that an edit list hides its first frames, as cutting without encoding again does."""
    cut = path.with_name("cut.mp4")
    with av.open(str(path)) as source, av.open(str(cut), "w", options={"use_editlist": "1"}) as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        offset = int(Fraction(frames, RATE) / stream.time_base)
        for packet in source.demux(stream):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - offset, packet.dts - offset, copy
                target.mux(packet)
    return cut


def hide_picture(path: Path, number: int) -> Path:
    """Copy a VP8 file so that a picture is decoded and not shown, as alternate references are."""
    hidden = path.with_name("hidden.webm")
    with av.open(str(path)) as source, av.open(str(hidden), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for place, packet in enumerate(packet for packet in source.demux(stream) if packet.size):
            data = bytearray(bytes(packet))
            if place == number:
                data[0] &= ~0x10  # RFC 6386, 9.1: show_frame
            changed = av.Packet(bytes(data))
            changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
            changed.is_keyframe, changed.stream = packet.is_keyframe, copy
            target.mux(changed)
    return hidden


def write_packed(path: Path, frames: int = 20) -> None:
    """An AVI file as XviD makes it: P and the B before it in one packet, an empty picture in the next.

    It has one packet more than it has pictures.
    """
    options = {"bf": "1", "g": "100", "b_strategy": "0", "sc_threshold": "1000000000"}
    plain = Made("mpeg4", ".m4v", options, frames).write(path.parent)
    with av.open(str(plain)) as source:
        context = source.streams.video[0].codec_context
        header, packets = context.extradata, [bytes(p) for p in source.demux(video=0) if p.size]
    mark = b"\x00\x00\x01\xb2DivX503b1393p"
    # A P picture with nothing coded: type 1, no seconds, marker, 4 bits of time (10 ticks), marker, 0.
    empty = b"\x00\x00\x01\xb6" + int("01" + "0" + "1" + "0000" + "1" + "0" + "111111", 2).to_bytes(2, "big")
    is_b = [packet[packet.index(b"\x00\x00\x01\xb6") + 4] >> 6 == 2 for packet in packets]
    stored = []
    for number, packet in enumerate(packets):
        if is_b[number]:
            stored[-1] += packet
            stored.append(empty)
        else:
            stored.append(packet)
    stored[0] = (header or b"") + mark + stored[0]
    with av.open(str(path), "w") as target:
        stream = target.add_stream("mpeg4", rate=RATE, width=64, height=48, pix_fmt="yuv420p")
        for number, data in enumerate([*stored, empty]):
            packet = av.Packet(data)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream = Fraction(1, RATE), stream
            packet.is_keyframe = number == 0
            target.mux(packet)


def _x264(gop: int, b_frames: int, more: str = "") -> dict[str, str]:
    pyramid = "normal" if b_frames > 2 else "none"
    x264 = f"b-adapt=0:bframes={b_frames}:b-pyramid={pyramid}:scenecut=0:keyint={gop}:min-keyint={gop}{more}"
    return {**_X264, "x264-params": x264}


def _lavc(gop: int, b_frames: int) -> dict[str, str]:
    return {"g": str(gop), "bf": str(b_frames), "b_strategy": "0", "sc_threshold": "1000000000"}


_VPX = {"g": "10", "cpu-used": "8", "deadline": "realtime"}
_UNEVEN = tuple(np.cumsum([1, 1, 5, 1, 1, 2, 9, 1, 3, 1] * 4).tolist())
_ODD = {"width": 63, "height": 47}

CLIPS = {
    "h264, only key frames": Made("libx264", ".mp4", _x264(1, 0)),
    "h264, gop 7": Made("libx264", ".mp4", _x264(7, 0)),
    "h264, gop 12, 2 b": Made("libx264", ".mp4", _x264(12, 2)),
    "h264, gop 12, 3 b, open": Made("libx264", ".mp4", _x264(12, 3, ":open-gop=1")),
    "h264, gop 250, 3 b": Made("libx264", ".mp4", _x264(250, 3)),
    "h264, refreshed bit by bit": Made("libx264", ".mp4", _x264(12, 0, ":intra-refresh=1")),
    "h264, mkv, gop 12, 3 b, open": Made("libx264", ".mkv", _x264(12, 3, ":open-gop=1")),
    "h264, ts, gop 12, 3 b": Made("libx264", ".ts", _x264(12, 3)),
    "h264, flv, gop 12, 2 b": Made("libx264", ".flv", _x264(12, 2)),
    "h264, avi, gop 12": Made("libx264", ".avi", _x264(12, 0)),
    "h264, avi, gop 12, 3 b": Made("libx264", ".avi", _x264(12, 3), tells=False),
    "h264, gop 12, 3 b, sound": Made("libx264", ".mp4", _x264(12, 3), sound=True),
    "h264, mkv, gop 12, 2 b, sound": Made("libx264", ".mkv", _x264(12, 2), sound=True),
    "h264, raw": Made("libx264", ".h264", _x264(12, 2), tells=False),
    "h264, uneven": Made("libx264", ".mp4", _x264(12, 2), times=_UNEVEN),
    "h264, uneven, mkv": Made("libx264", ".mkv", _x264(12, 3), times=_UNEVEN),
    "h264, starts late": Made("libx264", ".mp4", _x264(12, 2), times=range(25, 65)),
    "h264, starts late, mkv": Made("libx264", ".mkv", _x264(12, 2), times=range(25, 65)),
    "h264, start hidden": Made("libx264", ".mp4", _x264(12, 2), cut=5),
    "h264, start hidden, open": Made("libx264", ".mp4", _x264(12, 3, ":open-gop=1"), cut=17),
    "h264, odd size": Made("libx264", ".mp4", _x264(12, 2), pix_fmt="yuv444p", **_ODD),
    "h264, interlaced": Made("libx264", ".mp4", _x264(12, 2, ":interlaced=1"), height=64, tells=False),
    "hevc, gop 12, 3 b, open": Made(
        "libx265",
        ".mp4",
        {"preset": "ultrafast", "x265-params": f"{_X265}:keyint=12:min-keyint=12:bframes=3:open-gop=1"},
    ),
    "mpeg4, avi, gop 12": Made("mpeg4", ".avi", _lavc(12, 0)),
    "mpeg4, avi, gop 12, 2 b": Made("mpeg4", ".avi", _lavc(12, 2)),
    "mpeg4, mp4, gop 250, 2 b, odd size": Made("mpeg4", ".mp4", _lavc(250, 2), **_ODD),
    "mpeg4, start hidden": Made("mpeg4", ".mp4", _lavc(12, 2), cut=5),
    "mpeg2, gop 12, 2 b": Made("mpeg2video", ".mkv", _lavc(12, 2)),
    "vp8": Made("libvpx", ".webm", _VPX),
    "vp9, odd size": Made("libvpx-vp9", ".webm", _VPX, **_ODD),
    "av1": Made("libsvtav1", ".mp4", {"preset": "12", "g": "12"}),
    "mjpeg, odd size": Made("mjpeg", ".avi", pix_fmt="yuvj420p", **_ODD),
    "flv1": Made("flv", ".flv", _lavc(12, 0), tells=False),
}
