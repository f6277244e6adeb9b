"""The study of large traces, in small; and the page that shows what it found."""

import ctypes
import json
import multiprocessing
import resource
from pathlib import Path

import pytest
import torch
from experiments.trace_scale import plan
from experiments.trace_scale.run import FORMS, LIMIT, data_bytes, drawn_logits, measured, replay_large, write

from dyninf.trace import LogitsForm

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


def test_a_trace_larger_than_its_process_may_be_is_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the sizes that count, one thirtieth: the trace, from where it is mapped, and what is read at a time.
    monkeypatch.setattr("dyninf.trace.trace_file.MAPPED_FROM", 8 << 20)
    monkeypatch.setattr("dyninf.trace.trace.CHUNK", 32)
    write(tmp_path / "small", "float32", 100)
    write(tmp_path / "trace", "float32", 4500)
    size = (tmp_path / "trace/logits.npy").stat().st_size

    def replayed() -> None:
        torch.set_num_threads(1)
        # What is freed goes back to the system, whatever the process has done before (mallopt(3)).
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 18)
        replay_large(tmp_path / "small", resource.RLIM_INFINITY)  # what libraries take once is not counted
        answer.send(replay_large(tmp_path / "trace", data_bytes() + size * 8 // 10))

    fork = multiprocessing.get_context("fork")
    result, answer = fork.Pipe(duplex=False)
    process = fork.Process(target=replayed)
    process.start()
    process.join(120)
    assert process.exitcode == 0
    found = result.recv()
    assert (found["videos"], found["points"], found["thresholds"]) == (4500, 1000, 11)
    assert not found["could_be_read_whole"]
