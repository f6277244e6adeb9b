"""Rows of predictions: what is in them, and files that are gone on with wherever they were torn."""

import csv
import json
import resource
import signal
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dyninf.data import Span
from dyninf.report import FileRows, Prediction, TerminalRows, Totals, Wording
from dyninf.runtime import Answer

WORDING = Wording(("run", "jump", "rest"), ("early", "late"), 4.0)
NAMES = ["plain.mp4", 'quo"ted, and\nbroken.mp4', "uml\u00e4ut \u4e2d.mp4", "not utf-8 \udcff.mp4"]


class Clip:
    def __init__(self, name: str, window: Span | None = None) -> None:
        self.path = Path(name)
        self.window = window


def answer(logits: list[float], checkpoint: int = 0, macs: float = 1e9) -> Answer:
    logits_N = torch.tensor(logits, dtype=torch.float32)
    probability, label = logits_N.softmax(-1).max(-1)
    return Answer(0, "clip", int(label), float(probability), checkpoint, macs, 12.5, 4, logits_N)


def failed(reason: str = "damaged") -> Answer:
    return Answer(0, "clip", None, None, None, 0.0, 1.0, 0, None, reason)


def video_rows(name: str) -> list[Prediction]:
    """Two windows and the row of the whole video, as they are written."""
    pairs = [
        (WORDING.row(Clip(name, Span(8 * n, 8 * n + 16, n, 2, 8.0)), answer([n, 1, 0])), answer([n, 1, 0]))
        for n in range(2)
    ]
    return [*(row for row, _ in pairs), WORDING.merged(pairs)]


def test_a_row_says_what_a_clip_was_taken_for_and_what_it_cost() -> None:
    row = WORDING.row(Clip("a.mp4", Span(8, 24, 1, 3, 8.0)), answer([0, 2, 1], 1, 3e9))
    assert (row.path, row.window, row.start, row.end) == ("a.mp4", 1, 1.0, 3.0)
    assert (row.label, row.class_name, row.checkpoint) == (1, "jump", "late")
    assert (row.gmacs, row.share, row.ms, row.frames_decoded) == (3.0, 0.75, 12.5, 4)
    assert [name for name, _ in row.top5] == ["jump", "rest", "run"]
    assert row.probability == row.top5[0][1] == pytest.approx(0.6652, abs=1e-4)
    assert WORDING.row(Clip("a.mp4", Span(0, 8, 0, 1, None)), failed()).start is None


def test_a_video_is_the_mean_of_its_windows_and_windows_that_fail_are_told() -> None:
    answers = [answer([3, 0, 0]), failed(), answer([0, 1, 0], 1, 4e9)]
    pairs = [(WORDING.row(Clip("a.mp4", Span(0, 8, n, 3)), a), a) for n, a in enumerate(answers)]
    whole = WORDING.merged(pairs)
    mean_N = torch.stack([torch.tensor([3.0, 0, 0]), torch.tensor([0, 1.0, 0])]).softmax(-1).mean(0)
    assert whole.label == 0
    assert whole.probability == pytest.approx(mean_N[0].item())
    assert (whole.window, whole.checkpoint, whole.gmacs, whole.frames_decoded) == (None, None, 5.0, 8)
    assert whole.share == pytest.approx(5 / 12)
    assert whole.error == "1 of 3 windows: damaged"
    nothing = WORDING.merged([(WORDING.row(Clip("a.mp4", Span(0, 8)), failed()), failed())])
    assert (nothing.label, nothing.error) == (None, "1 of 1 windows: damaged")


def read(file: Path) -> list[tuple[str, int | None]]:
    """The paths and windows in a file, read as anybody would."""
    if file.suffix == ".csv":
        with file.open(newline="", encoding="utf-8", errors="surrogateescape") as lines:
            rows = list(csv.DictReader(lines))
        return [(row["path"], int(row["window"]) if row["window"] else None) for row in rows]
    return [(row["path"], row["window"]) for row in map(json.loads, file.read_text().splitlines())]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_file_torn_anywhere_is_gone_on_with_and_has_every_row_once(ending: str, tmp_path: Path) -> None:
    plan = {
        NAMES[0]: [WORDING.row(Clip(NAMES[0]), answer([0, 1, 2]))],
        NAMES[1]: video_rows(NAMES[1]),
        NAMES[2]: [WORDING.row(Clip(NAMES[2]), failed('"damaged"'))],
        NAMES[3]: video_rows(NAMES[3]),
    }
    everything = [(row.path, row.window) for rows in plan.values() for row in rows]

    def go_on(file: Path) -> tuple[int, int]:
        rows = FileRows(file)
        found = len(rows.done), rows.errors
        for name in plan:
            for row in plan[name] if name not in rows.done else ():
                rows.write(row)
        rows.close()
        return found

    whole_file = tmp_path / f"whole.{ending}"
    assert go_on(whole_file) == (0, 0)
    assert read(whole_file) == everything
    assert go_on(whole_file) == (4, 1)
    whole, torn = whole_file.read_bytes(), tmp_path / f"torn.{ending}"
    ends = [i for i, byte in enumerate(whole) if byte == ord("\n")]
    near_ends = {i + shift for i in ends for shift in (-1, 0, 1, 2)}
    for length in sorted({*range(0, len(whole), 7), *near_ends} & set(range(len(whole)))):
        torn.write_bytes(whole[:length])
        go_on(torn)
        assert torn.read_bytes() == whole, length


def test_of_a_stream_all_whole_lines_stay(tmp_path: Path) -> None:
    for _ in range(2):
        rows = FileRows(tmp_path / "live.jsonl", live=True)
        for row in video_rows("camera:0")[:2]:
            rows.write(row)
        rows.close()
    assert [window for _, window in read(tmp_path / "live.jsonl")] == [0, 1, 0, 1]


def test_the_terminal_gets_a_line_a_row_however_odd_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    rows = TerminalRows()
    for name in NAMES:
        rows.write(WORDING.row(Clip(name), answer([0, 1, 2])))
    rows.write(replace(WORDING.row(Clip("a.mp4"), failed("a.mp4: is damaged")), window=2, start=1.0, end=2.5))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[2].endswith(r"quo\"ted, and\nbroken.mp4".replace(r"\"", '"'))
    assert lines[-1].endswith("  a.mp4  window 2, 1.00 to 2.50 s  error: is damaged")


def test_the_last_line_counts_videos_costs_and_errors() -> None:
    totals = Totals(kept=2, kept_errors=1, seconds=0.5)
    for row in video_rows("a.mp4")[:2]:
        totals.add_clip(row)
    totals.add_video(video_rows("a.mp4")[2])
    line = "1 video, 2 windows, 1 GMACs on average, 25.0 % of full inference, 2.0 videos a second"
    assert totals.line() == f"{line}, 2 were there already, 1 with errors"
    assert (totals.code, replace(totals, kept_errors=0).code) == (1, 0)
    assert replace(totals, interrupted=True).code == 130


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_rows_are_gone_on_with_by_what_made_them_alone(ending: str, tmp_path: Path) -> None:
    path, facts = tmp_path / f"rows.{ending}", {"fingerprint": "0123", "policy": "at 0.9", "windows": None}

    def rows(**others: object) -> FileRows:
        return FileRows(path, facts={**facts, **others})

    with closing(rows(policy="at 0.5")) as first:  # made no row, so that what made it does not matter
        assert first.clips == 0
    with closing(rows()) as written:
        for name in NAMES:
            for row in video_rows(name):
                written.write(row)
        written.write(replace(video_rows("whole.mp4")[-1], error="damaged"))
    before = path.read_bytes()
    for name, value in (("fingerprint", "4567"), ("policy", "at 0.8"), ("windows", "2 s")):
        with pytest.raises(
            ValueError, match=f"has rows with {name} .*, and now it is '{value}'; give another"
        ):
            rows(**{name: value})
    assert path.read_bytes() == before
    with closing(rows()) as again:
        assert (len(again.done), again.errors, again.clips) == (5, 1, 2 * 4 + 1)
        with pytest.raises(ValueError, match="another process is writing"):
            rows()
    kept = tmp_path / f"rows.{ending}.facts.json"
    kept.write_text(kept.read_text().replace("0123", "4567"))
    with pytest.raises(ValueError, match=r"facts\.json is damaged, .*checksum"):
        rows()
    kept.unlink()  # as an older version left it
    with closing(rows()) as taken:
        assert len(taken.done) == 5
    assert path.read_bytes() == before


def test_a_file_that_is_removed_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with closing(FileRows(path)) as rows:
        rows.check_whole()
        path.unlink()
        with pytest.raises(FileNotFoundError, match=r"rows\.jsonl was removed meanwhile; run the same"):
            rows.check_whole()


def test_a_full_disk_is_told_in_one_line_and_the_rows_so_far_stay(tmp_path: Path) -> None:
    path, most = tmp_path / "rows.jsonl", 2000
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    rows = FileRows(path)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
        with pytest.raises(OSError, match=r"cannot write .*rows\.jsonl"):  # noqa: PT012
            for number in range(100):
                rows.write(replace(video_rows("a.mp4")[-1], path=f"{number}.mp4"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
        rows.close()
    whole = path.read_bytes().count(b"\n")
    assert path.stat().st_size == most
    with closing(FileRows(path)) as again:
        assert again.done == {f"{number}.mp4" for number in range(whole)}
