"""A report of a real multirun, opened in a real browser; its numbers are those of ``dyninf.sweep``.

Legend: P operating points, K checkpoints.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser import chromium
from tests.end_to_end.commands import forked
from tests.files import content_text
from tests.report.dashboard.watched import Watched

from dyninf.policies import best_affordable
from dyninf.trace import FittedPolicy, Trace, sweep

POINTS = 60


@pytest.fixture(scope="module")
def runs(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of a multirun, and one that has not finished."""
    folder = tmp_path_factory.mktemp("report")
    more = [
        "scheme=depth,joint",
        "dataset.test_clips=4",
        "dataset.calibration_clips=4",
        "policy.threshold=null",
    ]
    forked("train", "-m", *more, *tiny, "output=runs", cwd=folder, logs=folder / "logs").check()
    (folder / "runs/unfinished").mkdir()
    (folder / "runs/unfinished/config.yaml").write_text("seed: 0\n")
    overrides = [
        "runs=runs",
        "policies=[entropy,margin]",
        f"points={POINTS}",
        "title=Two runs",
    ]
    done = forked("report", *overrides, cwd=folder, logs=folder / "logs").check()
    assert done.out.strip().splitlines()[-1].startswith("report of 2 runs, 1 left out")
    assert done.out.strip().endswith("report.html")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture
def watched(runs: Path, browser: Any) -> Iterator[Watched]:
    """The report, open; at the end nothing was complained of and nothing asked for over a network."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    found = Watched(page)
    found.open(runs / "report.html")
    yield found
    assert found.complaints == []
    assert {url.split(":")[0] for url in found.requests} <= {"file", "data", "blob"}
    page.close()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_is_that_of_sweep_and_can_be_downloaded(watched: Watched, runs: Path) -> None:
    forked("sweep", "runs=runs", "output=swept", cwd=runs, logs=runs / "logs").check()
    expected = rows_of((runs / "swept/runs.csv").read_text())
    with watched.page.expect_download() as download:
        watched.page.click("#csv")
    found = rows_of(Path(download.value.path()).read_text())
    assert [row["run"] for row in found] == [row["run"] for row in expected] == ["0-depth", "1-joint"]
    for mine, theirs in zip(found, expected, strict=True):
        for figure in ("top1_full", "top1_dynamic", "gmacs_full", "gmacs_dynamic", "share_of_full"):
            assert float(mine[figure]) == float(theirs[figure])
        assert mine["command"].startswith("python -m dyninf.train scheme=")
        assert "output=" not in mine["command"]
    shown = watched.page.locator("#runs-table tbody tr").all_inner_texts()
    assert f"{float(expected[1]['top1_dynamic']):.1%}" in shown[1]
    assert watched.page.inner_text("#left-out summary") == "1 left out"


def test_the_curve_is_that_of_sweep(watched: Watched, runs: Path) -> None:
    trace = "runs/1-joint/trace/test"
    forked("sweep", f"trace={trace}", f"points={POINTS}", "output=one", cwd=runs, logs=runs / "logs").check()
    expected = rows_of((runs / "one/curve.csv").read_text())
    watched.page.select_option("#which-run", "1")
    watched.page.select_option("#color", "run")
    [line] = [
        one for one in watched.drawn("curve-plot")
        if one["mode"] == "lines" and one.get("meta") == 1 and "max_probability" in one["text"][0]
    ]  # fmt: skip
    by_cost = sorted(expected, key=lambda row: float(row["gmacs"]))
    assert line["x"] == pytest.approx([float(row["gmacs"]) for row in by_cost], rel=1e-6)
    assert line["y"] == pytest.approx([100 * float(row["top1"]) for row in by_cost], rel=1e-9)
    assert "python -m dyninf.train scheme=joint" in line["text"][0].replace("<br>", " ")


def test_the_slider_gives_what_the_calibration_split_chose(watched: Watched, runs: Path) -> None:
    traces = {split: Trace.load(runs / "runs/1-joint/trace" / split) for split in ("test", "calibration")}
    policy = FittedPolicy.load(runs / "runs/1-joint/policy.json").policy
    watched.page.select_option("#which-run", "1")
    full = traces["test"].macs_K[-1].item()
    exact = sweep(traces["test"], policy, POINTS)
    held_out = sweep(traces["calibration"], policy, exact.threshold_P)
    for place in (0, 300, 500, 700, 850, 1000):
        watched.set_budget(place)
        least = watched.page.evaluate("budgetEnds()[0]")
        point = best_affordable(held_out.top1_P, held_out.macs_P, full * least ** (1 - place / 1000))
        outcome = traces["test"].replay(policy.with_threshold(exact.threshold_P[point].item()))
        top1, change, gmacs, share, threshold, videos = watched.tiles()
        assert top1 == f"{100 * outcome.top1:.1f}%"
        assert float(gmacs) == pytest.approx(outcome.mean_macs / 1e9, rel=1e-3)
        assert share == f"{100 * outcome.mean_macs / full:.1f}%"
        assert float(threshold) == pytest.approx(exact.threshold_P[point].item(), abs=1e-4)
        assert videos == str(len(traces["test"].label_V))
        [bars] = [one for one in watched.drawn("exit-plot") if one.get("type") == "bar"]
        assert bars["y"] == pytest.approx((100 * outcome.exit_share_K).tolist())
        shares = watched.page.locator("#grid-plot rect[data-share]")
        assert float(shares.first.get_attribute("data-share") or 0) == 1
        assert shares.count() == len(watched.page.evaluate("content.runs[1].grid.cells"))
    assert "calibration" in watched.page.inner_text("#budget-note")
    watched.page.click("#as-run")
    summary = json.loads((runs / "runs/1-joint/summary.json").read_text())
    assert watched.tiles()[0] == f"{summary['dynamic']['top1']:.1%}"


def test_filter_sort_overlay_and_comparison_work(watched: Watched) -> None:
    page = watched.page
    page.fill("#filter", "joint")
    assert page.locator("#runs-table tbody tr").count() == 1
    assert page.inner_text("#runs-count") == "1 of 2"
    page.fill("#filter", "")
    for expected in (["0-depth", "1-joint"], ["1-joint", "0-depth"]):
        page.click('#runs-table th button[data-column="run"]')
        assert page.locator("#runs-table td button").all_inner_texts() == expected

    before = len(watched.drawn("curve-plot"))
    page.select_option("#overlay", "Kinetics-400")
    watched.settle()
    names = [one.get("name") for one in watched.drawn("curve-plot")]
    assert len(names) == before + 2
    [paper] = [
        one for one in watched.drawn("curve-plot") if one.get("name") == "Wu et al. 2020, Kinetics-400"
    ]
    assert (26.5, 71.2) in [(x, round(y, 6)) for x, y in zip(paper["x"], paper["y"], strict=True)]
    assert "2002.03342" in paper["text"][0]
    page.select_option("#scale", "log")
    page.select_option("#unit", "share")
    watched.settle()
    assert page.evaluate("document.getElementById('curve-plot').layout.xaxis.type") == "log"
    assert page.locator('#policies input[data-policy="entropy"]').is_checked()
    lines = len(watched.drawn("curve-plot"))
    page.uncheck('#policies input[data-policy="entropy"]')
    watched.settle()
    assert len(watched.drawn("curve-plot")) < lines

    page.click("#diff summary")
    differing = page.locator("#diff-table tbody tr td:first-child").all_inner_texts()
    assert "scheme.name" in differing
    assert "seed" not in differing


def test_videos_play_and_say_why_they_stopped(watched: Watched, runs: Path) -> None:
    page = watched.page
    page.wait_for_selector(".card .film")
    first = page.locator(".card .film").first
    places = [first.evaluate("film => film.style.backgroundPosition")]
    for _ in range(2):
        given = [first.element_handle(), places]
        moved = (
            "([film, seen]) => !seen.includes(film.style.backgroundPosition) && film.style.backgroundPosition"
        )
        places.append(page.wait_for_function(moved, arg=given).json_value())
    page.click("#play")
    paused = first.evaluate("film => film.style.backgroundPosition")
    page.wait_for_timeout(500)
    assert first.evaluate("film => film.style.backgroundPosition") == paused
    page.click("#play")
    page.uncheck("#cam")
    assert page.locator(".cam:visible").count() == 0
    reasons = page.locator(".card details summary").all_inner_texts()
    for reason in reasons:
        left = re.fullmatch(r"It left since ([\d.]+) ≥ (-?[\d.]+)\.", reason)
        assert left is not None or reason.startswith("It was never sure enough")
        assert left is None or float(left[1]) >= float(left[2])
    assert page.locator(".card").count() >= 2
    loaded = page.evaluate(
        "Promise.all(content.runs[0].gallery.videos.map(async (video) => {"
        " const image = new Image(); image.src = video.strip; await image.decode();"
        " return image.naturalWidth === video.width * video.frames; }))"
    )
    assert loaded
    assert all(loaded)


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_in_light_and_dark(runs: Path, browser: Any, dark: bool) -> None:
    scheme = "dark" if dark else "light"
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    found = Watched(page)
    found.open(runs / "report.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.get_attribute("html", "data-theme") == scheme
    page.click("#theme")
    assert page.get_attribute("html", "data-theme") != scheme
    assert found.complaints == []
    page.close()


def test_figures_come_as_png_and_svg(runs: Path) -> None:
    overrides = ["runs=runs/0-depth", "videos=0", "figures=figures", "output=other.html"]
    done = forked("report", *overrides, cwd=runs, logs=runs / "logs").check()
    assert "figures: " in done.out
    names = {path.relative_to(runs / "figures").as_posix() for path in (runs / "figures").rglob("*.*")}
    assert {"accuracy.png", "accuracy.svg"} <= names
    assert any(name.endswith("grid.svg") for name in names)


def test_train_and_sweep_end_in_a_report(tiny: list[str], runs: Path) -> None:
    checkpoint = "checkpoint=runs/1-joint/checkpoints/best.ckpt"
    given = ["policy.threshold=0.2", "output=evaluated/below"]
    forked("evaluate", checkpoint, *given, cwd=runs, logs=runs / "logs").check()
    given = ["policy.threshold=0.3", "report=true", "output=evaluated"]
    done = forked("evaluate", checkpoint, *given, cwd=runs, logs=runs / "logs").check()
    assert done.out.strip().endswith("evaluated/report.html")
    [run] = content_of(runs / "evaluated/report.html")["runs"]  # and not the one below it
    assert run["own"]["thresholds"][0] == 0.3
    trace = ["trace=runs/1-joint/trace/test", "calibration=runs/1-joint/trace/calibration"]
    done = forked("sweep", *trace, "report=true", "output=s1", cwd=runs, logs=runs / "logs").check()
    assert done.out.strip().endswith("s1/report.html")
    content = content_of(runs / "s1/report.html")
    assert content["runs"][0]["grid"]["cells"]
    assert content["runs"][0]["own"] is not None
    # What an earlier sweep left in the folder is not what this one did.
    forked(
        "sweep", trace[0], "policy=entropy", "report=true", "output=s1", cwd=runs, logs=runs / "logs"
    ).check()
    content = content_of(runs / "s1/report.html")
    assert [curve["policy"] for curve in content["curves"]] == ["entropy"]
    assert content["runs"][0]["own"] is None
    done = forked("sweep", "runs=runs", "report=true", "output=s2", cwd=runs, logs=runs / "logs").check()
    assert [run["name"] for run in content_of(runs / "s2/report.html")["runs"]] == ["0-depth", "1-joint"]


def content_of(path: Path) -> dict[str, Any]:
    return json.loads(content_text(path))
