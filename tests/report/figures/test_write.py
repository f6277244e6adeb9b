"""All figures of runs, as files."""

import warnings
from pathlib import Path

import matplotlib.image
import pytest
from tests.report.figures.hostile import NAMES, gallery_video, hostile_source
from tests.report.figures.test_style import texts

from dyninf.policies import Entropy, LearnedGate, Oracle
from dyninf.report.dashboard import Source
from dyninf.report.figures import style, write_figures
from dyninf.report.figures.style import shown
from dyninf.report.figures.write import STEMS
from dyninf.report.published import PublishedPoint
from dyninf.trace import Resampling

FEW = Resampling(resamples=20)
PUBLISHED = PublishedPoint("Random", r"$\sum_i$", "ResNet-50", 50.0, 0.7, False, "A <source> & year")


@pytest.fixture(autouse=True)
def coarse_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(style.STYLE, "savefig.dpi", 40)


def written(sources: list[Source], folder: Path, **more: object) -> set[str]:
    """Paths below the folder, which are those that are there; nothing may warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = write_figures(sources, folder, points=8, resampling=FEW, **more)  # type: ignore[arg-type]
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {str(path.relative_to(folder)) for path in paths}
    assert len(paths) == len(found)
    return found


def test_one_run_has_every_figure_in_both_formats_with_names_and_units_as_text(tmp_path: Path) -> None:
    source = hostile_source(device="a $CPU$", entropy=Entropy(), oracle=Oracle())
    galleries = {source.run.name: {"videos": [gallery_video(), gallery_video(2, right=False)], "without": ""}}
    found = written([source], tmp_path, galleries=galleries, published=[PUBLISHED])
    assert found == {f"{stem}.{form}" for stem in STEMS for form in ("png", "svg")}
    text = {stem: texts(tmp_path / f"{stem}.svg") for stem in STEMS}
    for stem in STEMS:
        assert matplotlib.image.imread(tmp_path / f"{stem}.png").std() > 0
    expected = {
        "accuracy": ["mean GMACs a video", "top-1 (%)", r"1 $\sum_i$, ResNet-50", "×: A <source> & year"],
        "accuracy_ms": ["mean ms a video, a $CPU$", "top-1 (%)", "oracle (sees the labels), 95% band"],
        "grid": ["res$1$", "0.125", "0, 1", "videos that compute it (%)"],
        "exits": ["videos of the class (%)", "mean GMACs a video", shown(NAMES[0]), "1f-res5"],
        "classes": ["change (points)"],
        "confusion": ["videos of the class (%)", shown(NAMES[0]), shown(NAMES[4])],
        "reliability": ["probability of the most probable class (%)", "scaled by its temperature"],
        "confidence": ["probability (%),", "a_$b$ on random/test"],
        "gallery": ["GMACs so far", "score", "threshold"],
    }
    for stem, labels in expected.items():
        for label in labels:
            assert label in text[stem], (stem, label)


def test_a_plain_network_without_an_operating_point_has_what_it_can_show(tmp_path: Path) -> None:
    found = written([hostile_source(checkpoints=1, own=None)], tmp_path)
    assert {Path(path).stem for path in found} == {
        "accuracy",
        "grid",
        "confusion",
        "reliability",
        "confidence",
    }


def test_policies_that_cannot_score_the_trace_have_no_curve(tmp_path: Path) -> None:
    written([hostile_source(checkpoints=1, own=None, gate=LearnedGate(), entropy=Entropy())], tmp_path)
    found = texts(tmp_path / "accuracy.svg")
    assert "entropy, 95% band" in found
    assert "gate, 95% band" not in found


def test_a_run_without_a_trace_has_what_its_summary_says(tmp_path: Path) -> None:
    run = hostile_source().run
    found = written([Source(run, without_trace="none there")], tmp_path)
    assert {Path(path).stem for path in found} == {"accuracy", "grid"}


def test_several_runs_have_comparisons_and_a_folder_each(tmp_path: Path) -> None:
    sources = [Source(hostile_source(name=name).run) for name in ("../up", "../UP", "accuracy")]
    found = written(sources, tmp_path)
    assert {path for path in found if "/" not in path} == {"accuracy.png", "accuracy.svg"}
    folders = {path.partition("/")[0] for path in found if "/" in path}
    assert folders == {"up", "UP-2", "accuracy-2"}
    assert {"../up", "../UP", "accuracy"} <= set(texts(tmp_path / "accuracy.svg"))


def test_two_runs_of_it_write_the_same_bytes(tmp_path: Path) -> None:
    source = Source(hostile_source().run)
    for place in ("one", "two"):
        written([source], tmp_path / place, galleries={source.run.name: {"videos": [gallery_video()]}})
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
