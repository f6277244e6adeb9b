"""The pictures of the documentation: a report, its figures, and the page of the service, in a real browser.

python -m experiments.screenshots.run --run outputs/demo --runs outputs/many
"""

import argparse
import contextlib
import io
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from tests.browser import chromium

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
PORT = 8765


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="the folder of make demo's run")
    parser.add_argument("--runs", type=Path, required=True, help="a folder with the runs of a multirun")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        reports(Path(folder), given.run, given.runs, browser)
        with served(given.run) as url:
            service(url, clips_of(given.run), browser)
    for path in sorted(IMAGES.glob("*.png")):
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


def reports(folder: Path, run: Path, runs: Path, browser: Any) -> None:
    """A report of several runs and one of a single run, as pages and as figures."""
    command(
        "report", f"runs={runs}", f"output={folder / 'many.html'}", "title='Three schemes, two seeds each'"
    )
    command("report", f"runs={run}", f"output={folder / 'one.html'}", f"figures={folder / 'figures'}")
    for name in ("accuracy", "grid", "gallery"):
        keep(Image.open(folder / "figures" / f"{name}.png"), f"demo_{name}", 1000)

    page = opened(browser, folder / "many.html", 1280, "light")
    page.locator("#budget").fill("800")
    page.wait_for_timeout(800)
    shot(page, "report", height=1010)
    page.close()
    page = opened(browser, folder / "one.html", 1280, "light")
    page.add_style_tag(content="header { position: static !important }")  # or it lies over the parts below
    page.click("#play")  # paused at a frame that was processed
    shot(page, "report_grid", of="#figures ~ .pair")
    shot(page, "report_gallery", of="#videos")
    page.close()
    for scheme in ("light", "dark"):
        page = opened(browser, folder / "one.html", 390, scheme)
        shot(page, f"report_phone_{scheme}", height=1300)
        page.close()
    page = opened(browser, folder / "one.html", 1280, "dark")
    shot(page, "report_dark", height=1010)
    page.close()


def service(url: str, clips: list[Path], browser: Any) -> None:
    """The page of the service after some videos."""
    for width, scheme, name in ((1280, "light", "demo_page"), (390, "dark", "demo_page_phone_dark")):
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        page.goto(url)
        for place, clip in enumerate(clips, 1):
            page.set_input_files("input[type=file]", clip)
            page.locator("#tried tr").nth(place - 1).wait_for()
        page.wait_for_timeout(500)
        shot(page, name)
        page.close()


def clips_of(run: Path) -> list[Path]:
    """Videos of the demo's test split: one that leaves early, one late, one in between."""
    report = subprocess.run(
        [sys.executable, "-c", CHOOSE, str(run)], check=True, capture_output=True, text=True
    ).stdout.split()
    return [Path(path) for path in report]


CHOOSE = """
import sys
from pathlib import Path
from dyninf import Trace, checkpoint_file
from dyninf.configuration import make
from dyninf.trace import FittedPolicy
run = Path(sys.argv[1])
trace, policy = Trace.load(run / "trace/test"), FittedPolicy.load(run / "policy.json").policy
left = trace.replay(policy).checkpoint_V
data = make(checkpoint_file.read(run / "checkpoints/best.ckpt").config.dataset)
paths = {video.video_id: video.path for video in data.videos("test")}
used = left.unique().tolist()
for k in (used[0], used[-1], used[len(used) // 2]):
    print(paths[trace.video_ids[int((left == k).nonzero()[0])]])
"""


@contextlib.contextmanager
def served(run: Path) -> Iterator[str]:
    """The service on the run's network, at the address that is given."""
    checkpoint = f"checkpoint={run / 'checkpoints' / 'best.ckpt'}"
    words = [sys.executable, "-m", "dyninf.serve", checkpoint, f"port={PORT}", "runtime=eager"]
    url = f"http://127.0.0.1:{PORT}"
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(240):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{url}/health").close()
                    break
                time.sleep(0.5)
            yield url
        finally:
            process.terminate()


def command(name: str, *overrides: str) -> None:
    subprocess.run([sys.executable, "-m", f"dyninf.{name}", *overrides], check=True)


def opened(browser: Any, path: Path, width: int, scheme: str) -> Any:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(path.as_uri())
    page.wait_for_selector('body[data-drawn="true"]')
    page.wait_for_timeout(500)
    return page


def shot(page: Any, name: str, of: str | None = None, height: int | None = None) -> None:
    """Keep a picture of the page, of its beginning, or of one element of it."""
    if of is not None:
        data = page.locator(of).first.screenshot()
    else:
        data = page.screenshot(full_page=True)
    image = Image.open(io.BytesIO(data))
    if height is not None:
        image = image.crop((0, 0, image.width, min(height, image.height)))
    keep(image, name)


def keep(image: Image.Image, name: str, widest: int = 1280) -> None:
    """Write a picture with few colours, so that it stays small."""
    if image.width > widest:
        image = image.resize((widest, round(image.height * widest / image.width)), Image.Resampling.LANCZOS)
    IMAGES.mkdir(parents=True, exist_ok=True)
    image.convert("RGB").quantize(192, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
