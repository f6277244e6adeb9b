"""The page of traces with every kind of name, in a real browser.

Legend: V videos, K checkpoints.
"""

import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.browser import chromium
from tests.report.dashboard.watched import Watched
from tests.report.test_runs_report import config_with
from tests.trace.traces import random_trace

from dyninf.policies import Entropy, MaxProbability, best_affordable
from dyninf.report import trace_source
from dyninf.report.dashboard import Content, write_page
from dyninf.trace import Trace, sweep

EVIL = (
    "<img src=x onerror=\"document.title='hacked'\">",
    "<b>bold</b> & &lt;i&gt;",
    "\"quotes\" and 'quotes'",
    "</script><script>document.title='hacked'</script>",
    "😀 汉字 עברית",
    "long " * 60,
    "=HYPERLINK(1)",
    "{{plotly}} {{script}} {{content}}",
)
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)


def evil_trace(seed: int, split: str) -> Trace:
    trace = random_trace(150, 4, classes=len(EVIL), seed=seed)
    info = replace(
        trace.info,
        network=EVIL[0],
        split=split,
        classes=EVIL,
        checkpoints=(EVIL[3], EVIL[1], "4f-res4", "4f-res5"),
    )
    return replace(trace, info=info, video_ids=tuple(f"{EVIL[0]}/{v}.mp4" for v in range(150)))


@pytest.fixture(scope="module")
def traces() -> tuple[Trace, Trace]:
    return evil_trace(0, f"{EVIL[3]}/test"), evil_trace(1, f"{EVIL[3]}/calibration")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def watched(
    traces: tuple[Trace, Trace], browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """The page, open; at the end it complained of nothing and asked for nothing."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    content = Content(points=50)
    source = trace_source(*traces, {EVIL[1]: Entropy()}, MaxProbability([0.7, 0.5, 0.6]))
    source = replace(
        source, run=replace(source.run, name=EVIL[0], command=f"python -m dyninf.train {EVIL[3]}")
    )
    story = {
        "video": EVIL[0],
        "label": EVIL[1],
        "predicted": [EVIL[3]] * 4,
        "probability": [0.5] * 4,
        "score": [0.5] * 4,
        "thresholds": [0.7, 0.4, 0.6, None],
        "exit": 1,
        "checkpoints": EVIL[:4],
        "gmacs": [1, 2, 3, 4],
        "strip": PIXEL,
        "frames": 1,
        "width": 1,
        "height": 1,
        "seen": [0],
    }
    content.add(source, {"videos": [story], "without": EVIL[3]})
    write_page(content.finished(EVIL[3], {EVIL[0]: EVIL[3]}), path)
    found = Watched(browser.new_page(viewport={"width": 1280, "height": 900}))
    found.open(path)
    yield found
    assert found.complaints == []
    assert {url.split(":")[0] for url in found.requests} <= {"file", "data", "blob"}


def test_names_are_shown_as_text(watched: Watched) -> None:
    page = watched.page
    assert page.title() == EVIL[3]
    assert page.inner_text("#title") == EVIL[3]
    assert page.locator("main img, main script, main b b, main i:not(.dots i)").count() == 0
    assert EVIL[0] in page.inner_text("#runs-table")
    assert page.inner_text("#command") == f"python -m dyninf.train {EVIL[3]}"
    assert EVIL[1] in page.inner_text(".card")
    page.click("#left-out summary")
    assert page.inner_text("#left-out li") == f"{EVIL[0]}: {EVIL[3]}"
    for chart, name in (("class-plot", EVIL[1]), ("confusion-plot", EVIL[1]), ("confusion-plot", EVIL[4])):
        ticks = page.locator(f"#{chart} .ytick").all_text_contents()
        assert name[:20] in [tick[:20] for tick in ticks]
    assert "<b>bold</b> & &lt…" in page.locator("#exit-plot .xtick").all_text_contents()
    assert page.locator(".plot text a, .plot text image").count() == 0
    page.hover("#class-plot .nsewdrag")
    assert page.title() == EVIL[3]


def test_a_formula_in_a_name_stays_text_in_the_table_that_is_downloaded(watched: Watched) -> None:
    watched.page.evaluate("content.runs[0].facts.backbone = '=1+1'")
    text = watched.page.evaluate("csvText()")
    assert "'=1+1" in text.split("\r\n")[1]


def test_the_slider_gives_what_the_calibration_split_chose(
    watched: Watched, traces: tuple[Trace, Trace]
) -> None:
    trace, calibration = traces
    full = trace.macs_K[-1].item()
    exact = sweep(trace, MaxProbability(), 50)
    held_out = sweep(calibration, MaxProbability(), exact.threshold_P)
    seen = set()
    for place in range(125, 1001, 125):
        watched.set_budget(place)
        budget = full * 0.25 ** (1 - place / 1000)
        point = best_affordable(held_out.top1_P, held_out.macs_P, budget)
        outcome = trace.replay(MaxProbability(exact.threshold_P[point].item()))
        top1, change, gmacs, share, _, _ = watched.tiles()
        assert top1 == f"{100 * outcome.top1:.1f}%"
        assert float(gmacs) == pytest.approx(outcome.mean_macs / 1e9, rel=1e-3)
        assert share == f"{100 * outcome.mean_macs / full:.1f}%"
        points = 100 * (outcome.top1 - trace.full().top1)
        assert float(change.split()[0].replace("−", "-")) == pytest.approx(points, abs=0.051)
        [bars] = [one for one in watched.drawn("exit-plot") if one.get("type") == "bar"]
        assert bars["y"] == pytest.approx((100 * outcome.exit_share_K).tolist())
        for n, changed in class_changes(watched).items():
            of_class = trace.label_V == n
            right_V, full_V = outcome.predicted_V == trace.label_V, trace.right_VK[:, -1]
            expected = 100 * (right_V[of_class].double().mean() - full_V[of_class].double().mean())
            assert changed == pytest.approx(expected.item(), abs=1e-6)
        seen.add((top1, gmacs))
    assert len(seen) > 4
    watched.page.click("#as-run")
    own = trace.replay(MaxProbability([0.7, 0.5, 0.6]))
    assert watched.tiles()[0] == f"{100 * own.top1:.1f}%"


def class_changes(watched: Watched) -> dict[int, float]:
    """The bars of the chart by class, whose names begin unlike each other."""
    [bars] = watched.drawn("change-plot")
    names = [text.split("</b> (")[0].removeprefix("<b>") for text in bars["text"]]
    plain = [
        name.replace("<", "&lt;").replace(">", "&gt;") for name in (e.replace("&", "&amp;") for e in EVIL)
    ]
    return {plain.index(name): x for name, x in zip(names, bars["x"], strict=True)}


def test_confusion_and_reliability_are_those_of_the_trace(
    watched: Watched, traces: tuple[Trace, Trace]
) -> None:
    trace, _ = traces
    watched.page.select_option("#confusion-at", "2")
    watched.settle()
    [confusion] = watched.drawn("confusion-plot")
    for n in range(len(EVIL)):
        predicted_V = trace.ranked_VKn[trace.label_V == n, 2, 0]
        expected = [100 * (predicted_V == m).double().mean().item() for m in range(len(EVIL))]
        assert confusion["z"][n] == pytest.approx(expected)
    from dyninf.report.reliability import reliability_figures

    names: list[Any] = [one["name"] for one in watched.drawn("reliability-plot")[1:]]
    for name, figures in zip(names, reliability_figures(trace, None), strict=True):
        assert float(name.rsplit("ECE ", 1)[1]) == pytest.approx(figures["ece"], abs=0.0006)


def test_a_page_says_what_it_lacks(tmp_path: Path, browser: Any) -> None:
    trace = random_trace(40, 3)
    content = Content()
    source = trace_source(trace, None, {"entropy": Entropy()})
    content.add(replace(source, trace=None, without_trace="no trace of it below DIR"))
    content.add(source)
    write_page(content.finished("two", {}), tmp_path / "report.html")
    watched = Watched(browser.new_page())
    watched.open(tmp_path / "report.html")
    page = watched.page
    assert page.inner_text("#run-note") == "no trace of it below DIR"
    assert "older version" in page.inner_text("#grid-plot")
    page.select_option("#which-run", "1")
    watched.settle()
    assert "move the slider" in page.inner_text("#run-note")
    watched.set_budget(500)
    assert not page.is_visible("#run-note")
    assert "a description, no promise" in page.inner_text("#budget-note")
    assert watched.complaints == []


def test_seeds_of_a_setting_become_their_mean_with_its_spread(tmp_path: Path, browser: Any) -> None:
    content, outcomes = Content(points=40), []
    for seed in (0, 1, 2):
        trace = random_trace(90, 4, seed=seed)
        source = trace_source(trace, None, {}, MaxProbability(0.4 + 0.1 * seed))
        run = replace(source.run, name=f"run {seed}", config=config_with(seed=seed))
        content.add(replace(source, run=run))
        outcomes.append(source.run.summary["dynamic"])
    other = trace_source(random_trace(90, 4, seed=9), None, {}, MaxProbability(0.5))
    content.add(
        replace(other, run=replace(other.run, name="other", config=config_with(scheme__name="depth")))
    )
    write_page(content.finished("seeds", {}), tmp_path / "report.html")
    watched = Watched(browser.new_page())
    watched.open(tmp_path / "report.html")
    watched.page.check("#seeds")
    watched.settle()
    marks = [one for one in watched.drawn("curve-plot") if one.get("meta") == "seeds"]
    assert [one["legendgroup"] for one in marks] == ["joint", "depth"]
    for axis, figure, unit in (("x", "gmacs", 1), ("y", "top1", 100)):
        values = [unit * outcome[figure] for outcome in outcomes]
        assert marks[0][axis] == pytest.approx([statistics.mean(values)])
        assert marks[0][f"error_{axis}"]["array"] == pytest.approx([statistics.stdev(values)])
        assert marks[1][f"error_{axis}"]["visible"] is False
    assert "3 seeds: 0, 1, 2" in marks[0]["text"][0]
    assert watched.complaints == []


def test_a_run_without_any_curve_stays_where_it_is(tmp_path: Path, browser: Any) -> None:
    content = Content()
    source = trace_source(random_trace(40, 3), None, {})
    content.add(replace(source, without_policy="of a class of somebody's own"))
    write_page(content.finished("none", {}), tmp_path / "report.html")
    watched = Watched(browser.new_page())
    watched.open(tmp_path / "report.html")
    assert "somebody's own" in watched.page.inner_text("#point-note")
    watched.set_budget(500)
    assert "no curve along which" in watched.page.inner_text("#run-note")
    assert not watched.page.is_visible("#problem")
    assert watched.complaints == []


def test_times_of_different_machines_are_never_in_one_chart(tmp_path: Path, browser: Any) -> None:
    content = Content(points=20)
    for seed, device in enumerate(("cpu", "gpu")):
        source = trace_source(random_trace(60, 4, seed=seed), None, {}, MaxProbability(0.5))
        times = {"device": device, "checkpoints": [1, 2, 3, 4], "full": 4, "dynamic": 2.5}
        run = replace(source.run, name=device, summary={**source.run.summary, "milliseconds": times})
        content.add(replace(source, run=run))
    write_page(content.finished("times", {}), tmp_path / "report.html")
    watched = Watched(browser.new_page())
    watched.open(tmp_path / "report.html")
    watched.page.select_option("#unit", "ms gpu")
    watched.settle()
    names = {one.get("legendgroup") for one in watched.drawn("curve-plot")}
    assert "gpu" in names
    assert "cpu" not in names
    title = watched.page.evaluate("document.getElementById('curve-plot').layout.xaxis.title.text")
    assert title.endswith("on gpu")
    assert watched.complaints == []


def test_a_page_that_is_torn_or_changed_says_so_and_shows_no_figures(
    traces: tuple[Trace, Trace], browser: Any, tmp_path: Path
) -> None:
    content = Content(points=20)
    content.add(trace_source(*traces, {}, MaxProbability(0.5)))
    whole = tmp_path / "report.html"
    write_page(content.finished("a report", {}), whole)
    data = whole.read_bytes()
    at = data.index(b'"level":') + len(b'"level":0.')
    changed = {
        "is damaged": data[:at] + (b"5" if data[at : at + 1] != b"5" else b"6") + data[at + 1 :],
        "file is torn": data[: data.index(b"</script>") + 1_000_000],
        "or was changed": data.replace(b"0xedb88320", b"0xedb88321"),
    }
    page = browser.new_page()
    page.goto(whole.as_uri())
    page.wait_for_selector('body[data-drawn="true"]')
    assert not page.locator("#whole").is_visible()
    for said, evil in changed.items():
        assert evil != data
        whole.write_bytes(evil)
        page.goto(whole.as_uri())
        assert said in page.locator("#whole").inner_text()
        assert page.locator('body[data-drawn="true"]').count() == 0
        assert page.locator("#figures .tile").count() == 0
    page.close()
