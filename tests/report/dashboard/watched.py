"""A report's page in a browser, with what it complained of and asked for."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page


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

    def drawn(self, plot: str) -> list[dict[str, Any]]:
        """The series of a chart."""
        found = self.page.evaluate(f"JSON.stringify(document.getElementById('{plot}').data)")
        return json.loads(found)

    def tiles(self) -> list[str]:
        return self.page.locator("#figures .tile b").all_inner_texts()

    def set_budget(self, place: int) -> float:
        """Move the slider; returns the budget that the page shows, as a share of full inference."""
        self.page.locator("#budget").fill(str(place))
        self.page.wait_for_timeout(150)
        return float(self.page.inner_text("#budget-value").split("%")[0]) / 100
