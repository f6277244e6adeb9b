"""Videos with what was predicted of them written on.

H and W pixels, C = 3 colours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dyninf.atomic import atomic_file
from dyninf.data import FrameReader, FrameSource, VideoError, frame_source
from dyninf.data.x264 import repeatable
from dyninf.report.predictions import Prediction

AT_ONCE = 8
"""Frames in memory."""

LEAST_WIDTH = 320
"""Pixels: smaller videos are enlarged by a whole number, or nobody could read what is written on them."""

FALLBACK_RATE = 25  # frames a second of a folder of images, which has none
INK, PAPER, SPENT, SAVED = (255, 255, 255), (0, 0, 0, 160), (255, 170, 60), (110, 110, 110)


@dataclass(frozen=True)
class Caption:
    """From frame `first` on: the row that is written, and the running cost.

    spent: GMACs so far, full: what full inference would have cost so far.
    """

    first: int
    row: Prediction
    spent: float
    full: float


def captions_of(rows: Sequence[tuple[int, Prediction]], full_gmacs: float) -> list[Caption]:
    """One a window, or one for the whole video, from its first frame and row; costs add up."""
    captions, spent = [], 0.0
    for number, (first, row) in enumerate(rows, start=1):
        spent += row.gmacs
        captions.append(Caption(first, row, spent, number * full_gmacs))
    return captions


class Annotator:
    """Writes annotated copies into a folder, under the names of the videos.

    source_of: where the frames of a video come from.

    Raises ValueError if the copies would lie where the videos do.
    """

    def __init__(
        self,
        folder: Path,
        source: Path | None,
        source_of: Callable[[Path], FrameSource] = frame_source,
    ) -> None:
        self.folder = folder
        self._source_of = source_of
        self._root = source if source is None or source.is_dir() else source.parent
        if self._root is not None and folder.resolve() == self._root.resolve():
            raise ValueError(f"annotate={folder} is the folder of the videos themselves; give another")

    def path_of(self, video: Path) -> Path:
        """Where the copy of a video lies: as in its source, an mp4 file."""
        if self._root is not None:
            inside = video.relative_to(self._root) if video != self._root else Path(video.resolve().name)
        else:
            whole = video if not video.is_absolute() and ".." not in video.parts else video.resolve()
            inside = whole.relative_to(whole.anchor)
        copy = self.folder / inside
        return copy if copy.suffix.lower() == ".mp4" else copy.with_name(f"{copy.name}.mp4")

    def write(self, video: Path, captions: Sequence[Caption]) -> Path:
        """Copy a video frame by frame, with the caption of the latest window that has begun on each.

        Raises VideoError where the video cannot be read, or would be replaced by its copy.
        """
        copy = self.path_of(video)
        if os.path.exists(copy) and copy.samefile(video):
            raise VideoError(video, f"would be replaced by its annotated copy {copy}")
        with (
            self._source_of(video).open() as reader,
            atomic_file(copy) as new,
            av.open(str(new), "w", format="mp4") as container,
        ):
            rate = Fraction(reader.rate() or FALLBACK_RATE).limit_denominator(10_000)
            stream = None
            for frame_HWC in _captioned(reader, captions):
                if stream is None:
                    height, width = frame_HWC.shape[:2]
                    size = {"width": width, "height": height}
                    stream = container.add_stream("libx264", rate=rate, options=repeatable(), **size)
                    stream.pix_fmt = "yuv420p"
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")))
            assert stream is not None, "a video has a frame"
            container.mux(stream.encode(None))
        return copy


def _captioned(reader: FrameReader, captions: Sequence[Caption]) -> Iterator[np.ndarray]:
    """Every frame HWC with its caption, of even height and width, which H.264 needs."""
    count, shown, overlay = reader.count(), -1, None
    parts = [range(at, min(at + AT_ONCE, count)) for at in range(0, count, AT_ONCE)]
    for part, frames_THWC in zip(parts, reader.groups(parts), strict=True):
        for number, frame_HWC in zip(part, frames_THWC, strict=True):
            picture = _legible(Image.fromarray(frame_HWC))
            latest = max((i for i, caption in enumerate(captions) if caption.first <= number), default=0)
            if overlay is None or latest != shown:
                shown, overlay = latest, drawn(captions[latest], picture.size)
            picture.paste(overlay, (0, picture.height - overlay.height), overlay)
            yield np.asarray(picture)


def _legible(picture: Image.Image) -> Image.Image:
    times = max(-(-LEAST_WIDTH // picture.width), 1)
    width, height = picture.width * times, picture.height * times
    if times > 1:
        picture = picture.resize((width, height), Image.Resampling.NEAREST)
    # An odd row or column is left out.
    return picture.crop((0, 0, width - width % 2, max(height - height % 2, 2)))


def drawn(caption: Caption, size: tuple[int, int]) -> Image.Image:
    """The band along the lower edge of a picture of this width and height: two lines, and cost as a bar."""
    width, height = size
    text = max(height // 22, 12)
    font, small = (ImageFont.load_default(pixels) for pixels in (text * 1.2, text))
    edge, bar = text // 2, max(text // 3, 3)
    band = Image.new("RGBA", (width, round(text * 3.4) + bar), PAPER)
    pen = ImageDraw.Draw(band)
    for words, kind, y in zip(_words(caption), (font, small), (0.3, 1.8), strict=True):
        pen.text((edge, round(y * text)), _fitting(words, kind, width - 2 * edge), fill=INK, font=kind)
    top, right = band.height - bar - edge // 2, width - edge
    pen.rectangle((edge, top, right, top + bar), fill=SAVED)
    share = min(caption.spent / caption.full, 1.0)
    pen.rectangle((edge, top, edge + round(share * (right - edge)), top + bar), fill=SPENT)
    return band


def _words(caption: Caption) -> tuple[str, str]:
    row = caption.row
    if row.class_name is None or row.probability is None:
        return "no prediction", row.error or ""
    left = f"left at {row.checkpoint}, " if row.checkpoint else ""
    share = caption.spent / caption.full
    return (
        f"{row.class_name}  {row.probability:.0%}",
        f"{left}{caption.spent:.3g} of {caption.full:.3g} GMACs, {share:.0%}",
    )


def _fitting(words: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Cut to so many pixels."""
    if font.getlength(words) <= width:
        return words
    while words and font.getlength(f"{words}…") > width:
        words = words[:-1]
    return f"{words}…"
