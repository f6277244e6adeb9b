"""What a report is made of: runs with their traces; what is damaged is left out with the reason."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.files import content_text, held_in
from tests.report.test_runs_report import make_run
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability
from dyninf.report import make_report, run_sources
from dyninf.report.dashboard.sources import Source
from dyninf.report.summary import policy_figures, trace_figures
from dyninf.trace import FittedPolicy, Trace


def whole_run(folder: Path, seed: int = 0, split: str = "drawn/test@abc", **changes: Any) -> Trace:
    """A run with its traces and its policy; returns the trace that is reported."""
    make_run(folder, split=split, seed=seed, **changes)
    trace, held_out = random_trace(60, seed=seed), random_trace(50, seed=seed + 100)
    info = replace(trace.info, fingerprint=f"{seed:016}", split=split)
    trace = replace(trace, info=info)
    held_out = replace(held_out, info=replace(info, split=split.replace("test", "calibration")))
    trace.save(folder / "trace/test")
    held_out.save(folder / "trace/calibration")
    summary = trace_figures(trace) | policy_figures(MaxProbability(0.5), trace.replay(MaxProbability(0.5)))
    (folder / "summary.json").write_text(json.dumps(summary))
    FittedPolicy.of(MaxProbability(0.5), trace).save(folder / "policy.json")
    return trace


def sources_of(*folders: Path) -> dict[str, Source]:
    found, _ = run_sources(folders)
    return {source.run.name: source for source in found}


def test_a_run_has_its_trace_its_policy_and_its_command(tmp_path: Path) -> None:
    trace = whole_run(tmp_path / "one")
    text = (tmp_path / "one/config.yaml").read_text()
    (tmp_path / "one/config.yaml").write_text(f"# python -m dyninf.train seed=0\n{text}")
    [source] = sources_of(tmp_path).values()
    assert source.trace is not None
    assert source.calibration is not None
    assert source.trace().video_ids == trace.video_ids
    assert len(source.calibration().video_ids) == 50
    assert source.policy is not None
    assert source.policy.threshold == 0.5
    assert source.run.command == "python -m dyninf.train seed=0"


def test_a_folder_that_is_a_run_itself_has_its_own_name(tmp_path: Path) -> None:
    whole_run(tmp_path / "mine")
    assert list(sources_of(tmp_path / "mine")) == ["mine"]


def test_a_folder_given_twice_counts_once(tmp_path: Path) -> None:
    whole_run(tmp_path / "a/one")
    assert list(sources_of(tmp_path / "a", tmp_path / "a")) == ["one"]


def test_an_evaluation_finds_the_trace_of_its_training(tmp_path: Path) -> None:
    trace = whole_run(tmp_path / "trained")
    make_run(tmp_path / "evaluated", checkpoint=str(tmp_path / "trained/checkpoints/best.ckpt"))
    make_run(tmp_path / "elsewhere", checkpoint="not/there/checkpoints/best.ckpt")
    for name in ("evaluated", "elsewhere"):  # the latter since it lies below the same folder
        summary = trace_figures(trace) | policy_figures(MaxProbability(0.5), trace.full())
        (tmp_path / name / "summary.json").write_text(json.dumps(summary))
    sources = sources_of(tmp_path)
    for name in ("evaluated", "elsewhere"):
        found = sources[name].trace
        assert found is not None
        assert found().video_ids == trace.video_ids


def test_a_trace_of_another_network_or_split_is_not_the_runs(tmp_path: Path) -> None:
    whole_run(tmp_path / "one")
    facts = held_in(tmp_path / "one/trace/test/trace.json")
    for change in ({"fingerprint": "f" * 16}, {"split": "drawn/test@other"}):
        (tmp_path / "one/trace/test/trace.json").write_text(json.dumps(facts | change))
        [source] = sources_of(tmp_path).values()
        assert source.trace is None
        assert "no trace of drawn/test@abc below" in source.without_trace


def test_what_is_damaged_is_left_out_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, name in enumerate(("good", "no_policy", "bad_policy", "bad_trace", "bad_logits")):
        whole_run(tmp_path / name, seed)
    (tmp_path / "no_policy/policy.json").unlink()
    (tmp_path / "bad_policy/policy.json").write_text("{")
    (tmp_path / "bad_trace/trace/test/trace.json").write_text("[1]")
    (tmp_path / "bad_logits/trace/test/logits.npy").write_bytes(b"no array")
    sources, left_out = run_sources([tmp_path])
    assert left_out == {}
    make_report(sources, left_out, tmp_path / "report.html")
    assert "report of 4 runs, 1 left out" in capsys.readouterr().out
    content = json.loads(content_text(tmp_path / "report.html"))
    assert list(content["left_out"]) == ["bad_logits"]
    notes = {run["name"]: bool(run["notes"]) for run in content["runs"]}
    assert notes == {"bad_policy": True, "bad_trace": False, "good": False, "no_policy": True}
    [bad_trace] = [run for run in content["runs"] if run["name"] == "bad_trace"]
    assert bad_trace["trace"] is None
    assert "damaged" in bad_trace["without_trace"]


def test_a_calibration_trace_of_another_data_set_is_not_the_runs(tmp_path: Path) -> None:
    whole_run(tmp_path / "one")
    facts = held_in(tmp_path / "one/trace/calibration/trace.json")
    facts["split"] = "others/calibration@abc"
    (tmp_path / "one/trace/calibration/trace.json").write_text(json.dumps(facts))
    [source] = sources_of(tmp_path).values()
    assert source.calibration is None


def test_a_damaged_trace_of_one_run_does_not_touch_another(tmp_path: Path) -> None:
    whole_run(tmp_path / "a")
    shutil.rmtree(tmp_path / "a/trace/calibration")
    whole_run(tmp_path / "b", seed=1)
    (tmp_path / "b/trace/calibration/trace.json").write_text("{")
    sources = sources_of(tmp_path)
    assert [source.trace is not None for source in sources.values()] == [True, True]
    assert [source.calibration for source in sources.values()] == [None, None]


def test_runs_of_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for place in ("x/runs/0", "y/runs/0"):
        whole_run(tmp_path / place)
    assert list(sources_of(tmp_path / "x/runs", tmp_path / "y/runs")) == ["x/runs/0", "y/runs/0"]


@pytest.mark.parametrize("key", ["videos", "checkpoints"])
def test_a_summary_that_lacks_something_leaves_its_run_out(tmp_path: Path, key: str) -> None:
    whole_run(tmp_path / "one")
    summary = held_in(tmp_path / "one/summary.json")
    del summary[key]
    (tmp_path / "one/summary.json").write_text(json.dumps(summary))
    sources, left_out = run_sources([tmp_path])
    assert sources == []
    assert left_out == {"one": f"summary.json lacks '{key}'"}


def test_no_run_at_all_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/config.yaml").write_text("seed: 0\n")
    sources, left_out = run_sources([tmp_path])
    with pytest.raises(ValueError, match=r"no finished run to report: broken: no summary\.json"):
        make_report(sources, left_out, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
