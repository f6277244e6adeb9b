"""The study of large traces, in small; and the page that shows what it found."""

import ctypes
import json
import multiprocessing
import resource
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import torch
from experiments.trace_scale import plan
from experiments.trace_scale.run import FORMS, LIMIT, data_bytes, drawn_logits, measured, replay_large, write

from dyninf.trace import LogitsForm, trace, trace_file

M_MMAP_THRESHOLD = -3  # of malloc.h


def test_the_page_has_the_tables_of_what_was_measured() -> None:
    page = plan.PAGE.read_text()
    made = plan.tables(*plan.measured())
    assert {"storage", "processor", "machines", "memory"} <= made.keys()
    assert plan.with_tables(page, made) == page
    with pytest.raises(ValueError, match="no place for the table 'storage'"):
        plan.with_tables("a page", made)


def test_the_arithmetic_of_the_page_is_that_of_the_forms() -> None:
    result, page = json.loads((plan.HERE / "result.json").read_text()), plan.PAGE.read_text()
    for form in FORMS:
        assert result["forms"][form]["bytes_a_video"] == LogitsForm(form).row(12, 700).itemsize
    assert f"{plan.MEMORY_A_VIDEO:,} bytes a video" in page
    assert result["memory"]["trace_bytes"] > 3e9 > result["memory"]["limit_bytes"]
    assert not result["memory"]["could_be_read_whole"]


def test_a_small_study_finds_what_the_large_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In this process, without its memory limited and without a network of the size of the paper's.
    def here(work, *arguments):
        if work is replay_large:
            return {}
        return work(*arguments) if arguments else {"name": "none", "gmacs": 1.0, "seconds_a_video": 1.0}

    monkeypatch.setattr("experiments.trace_scale.run.alone", here)
    monkeypatch.setattr("experiments.trace_scale.run.DRAWN", 40)
    found = measured(tmp_path, videos=60, large=10, limit=LIMIT, rounds=1)
    assert found["forms"].keys() == set(FORMS)
    for figures in found["forms"].values():
        assert figures["seconds_a_million"].keys() == {*plan.RECORDING, *plan.MERGING, *plan.REPLAYING}
    assert len(drawn_logits()) == 40


def replayed_in_little(folder: Path) -> dict[str, object]:
    """In a process of its own, with a thirtieth of the sizes that count."""
    trace_file.MAPPED_FROM, trace.CHUNK = 8 << 20, 32
    torch.set_num_threads(1)
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 18)  # what is freed goes back to the system (mallopt(3))
    replay_large(folder / "small", resource.RLIM_INFINITY)  # what libraries take once is not counted
    size = (folder / "trace/logits.npy").stat().st_size
    return replay_large(folder / "trace", data_bytes() + size * 8 // 10)


def test_a_trace_larger_than_its_process_may_be_is_replayed(tmp_path: Path) -> None:
    write(tmp_path / "small", "float32", 100)
    write(tmp_path / "trace", "float32", 4500)
    # Spawned: a process that has done other things has room left that counts as taken.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = pool.submit(replayed_in_little, tmp_path).result(timeout=300)
    assert (found["videos"], found["points"], found["thresholds"]) == (4500, 1000, 11)
    assert not found["could_be_read_whole"]
