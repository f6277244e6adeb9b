"""Names as text, names of files, the bytes that are written."""

import warnings
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.figure import Figure
from tests.report.figures.hostile import NAMES

from dyninf.report.figures.style import (
    LINES,
    MARKERS,
    file_name,
    legend_outside,
    line,
    panels,
    save,
    shown,
    styled,
)


def texts(path: Path) -> list[str]:
    """All text of an SVG file, which has to be well-formed."""
    found = ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(one.itertext()) for one in found]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_line_of_at_most_so_many_characters(name: str) -> None:
    text = shown(name, 20)
    assert len(text) <= 20
    assert text.isprintable()
    text.encode()


def test_a_cut_name_keeps_its_end() -> None:
    assert shown("runs/2024-05-01/experiment-7/seed-3", 20).endswith("seed-3")
    assert "…" in shown("a" * 40)
    assert shown("a" * 32) == "a" * 32


@styled()
def hostile_figure() -> Figure:
    figure, (axes,) = panels(1, 3.4, 2.0)
    entries = [(axes.plot([0, 1], [i, i])[0], shown(name)) for i, name in enumerate(NAMES)]
    axes.set_yticks(range(len(NAMES)), [shown(name) for name in NAMES])
    legend_outside(figure, entries)
    return figure


def test_names_are_in_svgs_as_text_and_nothing_warns(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = save(hostile_figure(), tmp_path, "names")
    assert [path.name for path in paths] == ["names.png", "names.svg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["names.png", "names.svg"]
    found = texts(paths[1])
    for name in NAMES:
        assert found.count(shown(name)) == 2, name  # at the axis and in the legend


def test_the_same_figure_becomes_the_same_bytes_whatever_a_person_has_set(tmp_path: Path) -> None:
    first = save(hostile_figure(), tmp_path / "one", "names")
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "path", "svg.hashsalt": None}):
        second = save(hostile_figure(), tmp_path / "two", "names")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_no_setting_of_a_person_is_changed() -> None:
    before = dict(matplotlib.rcParams)
    hostile_figure()
    assert dict(matplotlib.rcParams) == before


def test_neither_a_date_nor_a_version_is_written(tmp_path: Path) -> None:
    png, svg = save(hostile_figure(), tmp_path, "names")
    assert b"<dc:date>" not in svg.read_bytes()
    assert matplotlib.__version__.encode() not in svg.read_bytes()
    assert b"Software" not in png.read_bytes()


def test_neighbouring_curves_differ_in_more_than_colour() -> None:
    dashes = [line(i)["linestyle"] for i in range(len(LINES))]
    assert len(set(dashes)) == len(LINES) >= 5
    assert len(set(MARKERS)) == len(MARKERS) >= 7
    assert len({str(line(i)) for i in range(42)}) == 42


def test_names_become_those_of_folders() -> None:
    assert file_name("../../etc/passwd") == "etc_passwd"
    assert file_name("lr=0.1,seed=2") == "lr=0.1,seed=2"
    assert file_name("...") == "run"
    assert file_name("x" * 300) == "x" * 80
    assert file_name("Run", ["run", "run-2"]) == "Run-3"
    assert file_name("跳舞") == "跳舞"
