"""The page takes a video, lights up its cells, and shows what /v1/predict answers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser import chromium
from tests.service.running import Running, running, until

from dyninf.grid import Network
from dyninf.policies import MaxProbability

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NASTY = "<img src=x onerror=alert(1)>\"'&😀"
EARLY = MaxProbability([2.0] * 5 + [0.0] * 6)
"""Every clip leaves at the sixth of twelve checkpoints, which is behind the eighth of 16 cells."""

DROP = """([name, content, kind]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type: kind }));
  for (const event of ["dragover", "drop"]) {
    document.querySelector("#zone").dispatchEvent(
      new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def shown(small_network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service whose clips leave early, and are of classes that are no markup."""
    folder = tmp_path_factory.mktemp("uploads")
    with running(small_network, folder, policy=EARLY, classes=[NASTY] * 5) as service:
        yield service


@contextmanager
def page_of(browser: Browser, service: Running, refusals: int = 0, **how: Any) -> Iterator[Page]:
    """An open page, on which nothing goes wrong and which asks nobody else.

    refusals: responses with an error, of which Chromium tells the console, that are expected.
    """
    how = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | how
    page = browser.new_page(**how)
    page.set_default_timeout(10_000)
    told: list[str] = []
    asked: list[str] = []
    page.on(
        "console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(service.url)
    page.locator("#grid .cell").first.wait_for()
    yield page
    assert [text for text in told if "the server responded with a status of 4" not in text] == []
    assert len(told) == refusals
    assert [url for url in asked if not url.startswith((service.url, "data:", "blob:"))] == []
    page.close()


def drop(page: Page, name: str, content: bytes, kind: str = "video/mp4") -> None:
    page.evaluate(DROP, [name, base64.b64encode(content).decode(), kind])


def begin_walk(page: Page, video: Path) -> None:
    """Give the page a video, and wait until a cell has lit up."""
    page.set_input_files("#file", video)
    page.locator("#grid .cell[data-state=done]").first.wait_for()


def wait_for(page: Page, text: str) -> str:
    """What the status says, once it has this in it."""
    page.locator("#status", has_text=text).wait_for()
    return page.inner_text("#status")


def field_of(page: Page, card: str, field: str) -> str:
    return page.inner_text(f"#{card} [data-field={field}]")


def states(page: Page) -> list[str | None]:
    """Of the cells in the order of the table: stage after stage."""
    cells = page.locator("#grid .cell")
    return cells.evaluate_all("cells => cells.map((cell) => cell.dataset.state)")


def test_a_dropped_video_lights_up_the_grid_and_shows_what_predict_says(
    browser: Browser, shown: Running, small_network: Network, video: Path
) -> None:
    content = video.read_bytes()
    expected = shown.post(content).json()
    with page_of(browser, shown) as page:
        assert states(page) == ["waiting"] * 16
        assert page.locator("#grid .check").count() == 12
        drop(page, NASTY + ".mp4", content)
        page.locator("#tried tr").wait_for()
        row = ["done", "done", "unneeded", "unneeded"]
        assert states(page) == row * 4
        assert page.locator("#grid [data-exit]").get_attribute("data-cell") == "2 4"
        assert page.locator("#grid .pictures img").count() == small_network.num_frames
        assert page.locator("#grid .pictures img[data-after]").count() == small_network.num_frames // 2
        assert page.locator("#chart circle").count() == 12
        assert page.locator("#chart circle.exit").count() == 1
        answer = {
            field: page.inner_text(f"#answer [data-field={field}]")
            for field in ("class", "checkpoint", "frames")
        }
        assert answer == {"class": NASTY, "checkpoint": expected["checkpoint"], "frames": "4 of 8"}
        share = float(page.inner_text("#answer [data-field=probability]").removesuffix("%")) / 100
        assert share == pytest.approx(expected["probability"], abs=1.1e-3)
        assert page.inner_text("#full [data-field=frames]") == "8 of 8"
        assert f"{round(expected['share_of_full'] * 100)}\u202f%" in page.inner_text(
            "#answer [data-field=GMACs]"
        )
        assert NASTY in page.inner_text("#status")
        cells = page.locator("#tried td").all_inner_texts()
        assert cells[:2] == [NASTY + ".mp4", NASTY]
        assert (
            page.locator("main img:not([src^='data:image/jpeg'])").count() == 0
        )  # no name became an element
    shown.check_nothing_is_left()


def test_a_chosen_video_is_watched_cell_by_cell_on_a_phone(
    browser: Browser, shown: Running, video: Path
) -> None:
    def width(page: Page) -> int:
        return page.evaluate("document.documentElement.scrollWidth")

    phone = {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "dark",
        "reduced_motion": "no-preference",
    }
    with page_of(browser, shown, **phone) as page:
        assert page.is_checked("#slow")
        assert width(page) == 390
        page.set_input_files("#file", video)
        page.locator("#grid .cell[data-state=running]").first.wait_for()
        page.locator("#grid .cell[data-state=done]").first.wait_for()
        assert "waiting" in states(page)
        page.uncheck("#slow")
        page.locator("#tried tr").wait_for()
        assert width(page) == 390
        assert page.inner_text("#verdict").startswith("Same class as full inference")
        page.set_input_files("#file", video)
        page.locator("#tried tr").nth(1).wait_for()


def test_what_is_no_video_is_said_clearly_and_the_next_one_is_taken(
    browser: Browser, shown: Running, video: Path
) -> None:
    with page_of(browser, shown, refusals=1) as page:
        drop(page, "notes.mp4", b"these are words, and no video")
        told = wait_for(page, "not a video")
        assert told.startswith("“notes.mp4”: The video: cannot be opened: not a video")
        drop(page, "empty.mp4", b"")
        wait_for(page, "“empty.mp4” is empty.")
        assert states(page) == ["waiting"] * 16
        assert page.is_hidden("#results")
        drop(page, "clip.mp4", video.read_bytes())
        page.locator("#tried tr").wait_for()


@pytest.mark.parametrize("by_keyboard", [False, True])
def test_an_upload_that_is_stopped_is_not_kept(
    browser: Browser, shown: Running, video: Path, by_keyboard: bool
) -> None:
    with page_of(browser, shown) as page:
        network = page.context.new_cdp_session(page)
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 20_000}
        network.send("Network.enable")
        network.send("Network.emulateNetworkConditions", slow)
        drop(page, "long.mp4", video.read_bytes() + bytes(2**21))
        wait_for(page, "Sending “long.mp4”")
        until(lambda: shown.metric("dyninf_clips_waiting") == 1)
        if by_keyboard:
            page.focus("#stop")
            page.keyboard.press("Enter")
        else:
            page.click("#stop")
        assert wait_for(page, "Stopped") == "Stopped: the upload was broken off, and nothing was kept."
        assert page.is_hidden("#stop")
        assert page.is_hidden("#results")
        shown.check_nothing_is_left()


def test_a_walk_that_is_stopped_says_so_and_leaves_nothing_running(
    browser: Browser, shown: Running, video: Path
) -> None:
    with page_of(browser, shown, reduced_motion="no-preference") as page:
        begin_walk(page, video)
        page.click("#stop")
        wait_for(page, "Stopped: the video was dropped, and nothing was kept.")
        assert "running" not in states(page)
        assert page.is_hidden("#history")
    shown.check_nothing_is_left()


def test_another_video_takes_the_place_of_the_one_under_way(
    browser: Browser, shown: Running, video: Path
) -> None:
    with page_of(browser, shown, reduced_motion="no-preference") as page:
        begin_walk(page, video)
        page.uncheck("#slow")
        drop(page, "second.mp4", video.read_bytes())
        page.locator("#tried tr").wait_for()
        assert page.locator("#tried td").first.inner_text() == "second.mp4"
        assert page.locator("#tried tr").count() == 1
        assert states(page).count("done") == 8
