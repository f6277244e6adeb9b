"""The system's Chromium, for tests that open pages."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> "Iterator[Browser]":
    """A browser without a window.

    Skips the test where there is none, or no playwright; never where CI is set.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    missing = [] if path else ["Chromium"]
    if importlib.util.find_spec("playwright") is None:
        missing.append("playwright")
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"needs {' and '.join(missing)}")
    assert not missing, f"{' and '.join(missing)} must be there where CI is set"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Tests may run as root, where there is no sandbox.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
