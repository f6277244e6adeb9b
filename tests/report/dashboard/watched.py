"""A report's page in a browser, with what it complained of and asked for."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page


# What a page does later, between one step of its own and the next: it reads columns, and draws.
COUNT_WHAT_IS_UNDER_WAY = """() => {
  window.underway = 0;
  const counted = (owner, name) => {
    const real = owner[name];
    owner[name] = function (...given) {
      window.underway += 1;
      return Promise.resolve(real.apply(this, given)).finally(() => { window.underway -= 1; });
    };
  };
  counted(Response.prototype, "arrayBuffer");
  counted(Plotly, "react");
}"""
SETTLED = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const turn = () => new Promise((done) => setTimeout(done));
  await frame();
  await frame();  // what waited for a frame has begun
  for (let calm = 0; calm < 3; calm = window.underway ? 0 : calm + 1) await turn();
}"""


class Watched:
    """A page with what it complained of and asked for."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path) -> None:
        self.page.goto(path.as_uri())
        self.page.wait_for_selector('body[data-drawn="true"]')
        self.page.evaluate(COUNT_WHAT_IS_UNDER_WAY)

    def settle(self) -> None:
        """Wait until what was chosen is drawn, however long that takes."""
        self.page.evaluate(SETTLED)

    def drawn(self, plot: str) -> list[dict[str, Any]]:
        """The series of a chart."""
        found = self.page.evaluate(f"JSON.stringify(document.getElementById('{plot}').data)")
        return json.loads(found)

    def tiles(self) -> list[str]:
        return self.page.locator("#figures .tile b").all_inner_texts()

    def set_budget(self, place: int) -> float:
        """Move the slider; returns the budget that the page shows, as a share of full inference."""
        self.page.locator("#budget").fill(str(place))
        self.settle()
        return float(self.page.inner_text("#budget-value").split("%")[0]) / 100
