"""A small part of the fuzz study: mutated files end in a right read or in one clear line."""

import json
import sys
from pathlib import Path

import pytest
from experiments.fuzz import children
from experiments.fuzz.annotation_mutations import MUTATIONS as CHANGES
from experiments.fuzz.annotations import FORMATS, Annotations
from experiments.fuzz.children import FAULT, run_cases
from experiments.fuzz.run_files import KINDS, NAMES, RunFiles
from experiments.fuzz.video_mutations import MUTATIONS, parts
from experiments.fuzz.videos import SEEDS, Videos, write_seeds
from tests.experiments.evil import Evil

STUDY = Path(children.__file__).parent
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Videos:
    folder = tmp_path_factory.mktemp("seeds")
    write_seeds(folder)
    return Videos(folder)


@pytest.mark.parametrize("name", ["results", "run_lists", "run_files"])
def test_the_tables_of_the_study_are_those_of_its_results_and_without_a_fault(name: str) -> None:
    results = json.loads((STUDY / f"{name}.json").read_text())
    found = results.get("video files", results)
    assert found["faults"] == []
    rows = (STUDY / f"{name}.md").read_text().strip()
    assert f"**{sum(found['outcomes'][kind].get('clean error', 0) for kind in found['outcomes'])}**" in rows
    assert rows in (STUDY / "README.md").read_text()


@linux
def test_mutated_videos_end_in_a_right_read_or_a_clean_error(videos):
    # Every mutation, each of another file; all but the large one, which takes seconds.
    numbers = [14 * (3 * n % 19) + n % 14 for n in range(42)]
    reports = run_cases(videos, numbers)
    assert [report for report in reports if report.outcome == FAULT] == []
    assert len({report.outcome for report in reports}) > 1
    assert {videos.mutation(number) for number in numbers} == set(MUTATIONS)


@linux
def test_mutated_annotations_end_in_a_right_read_or_a_clean_error():
    annotations = Annotations()
    numbers = [
        14 * data + kind for data in range(len(FORMATS)) for kind in range(14) if (data + kind) % 3 == 1
    ]
    reports = run_cases(annotations, numbers)
    assert [report for report in reports if report.outcome == FAULT] == []
    assert {annotations.source(number) for number in numbers} == set(FORMATS)
    assert {annotations.mutation(number) for number in numbers} == set(CHANGES)


@linux
def test_mutated_files_of_a_run_end_in_a_read_or_a_clean_error():
    cases = RunFiles(seed=1)
    names, kinds = len(NAMES), len(KINDS)
    # A third of the mutations of each kind; every other kind with the checksums that its files have.
    places = [(kind, name) for kind in range(kinds) for name in range(names) if (kind + name) % 3 == 1]
    numbers = [names * (kind + kinds * (kind % 2)) + name for kind, name in places]
    reports = run_cases(cases, numbers)
    assert [report for report in reports if report.outcome == FAULT] == []
    assert {report.outcome for report in reports} == {"clean error", "read"}
    assert {cases.source(report.number) for report in reports} == set(KINDS)
    assert {cases.mutation(report.number) for report in reports} == set(NAMES)


def test_a_case_is_the_same_whenever_it_is_made(videos):
    for number in range(0, 14 * len(SEEDS), 19):
        assert videos.mutated(number) == videos.mutated(number)
    other = Videos(videos.original(0).parent, seed=1)
    assert other.mutated(0) != videos.mutated(0)


@pytest.mark.parametrize("name", ["h264, gop 12, 2 b", "mpeg4, avi, gop 12, 2 b", "vp9"])
def test_the_parts_of_a_file_are_found_and_lie_in_each_other(videos, name):
    data = videos.original(14 * SEEDS.index(name)).read_bytes()
    found = parts(data)
    assert len(found) > 10
    for part in found:
        assert 0 <= part.start <= part.size_at < part.size_end <= part.end <= len(data)


@linux
def test_crash_hang_flood_and_exception_are_faults_and_the_next_case_runs(monkeypatch):
    monkeypatch.setattr(children, "SECONDS", 2)
    monkeypatch.setattr(children, "PATIENCE", 3)
    monkeypatch.setattr(children, "MEGABYTES", 64)
    reports = run_cases(Evil, range(6))
    assert [report.outcome for report in reports] == ["read", FAULT, FAULT, FAULT, FAULT, "read"]
    reasons = [report.reason for report in reports]
    assert reasons[1:5] == [
        "crash: SIGSEGV",
        "over its time",
        "over its memory",
        "builtins.MemoryError: no more",
    ]
