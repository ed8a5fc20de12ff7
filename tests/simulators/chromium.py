"""Chromium, and what a page must be in it: for everybody, and no wider than the screen."""

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
# Everything that a container without its own /dev/shm, user namespaces and graphics card lacks.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run Debian's Chromium without a screen."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=ARGUMENTS
        )
        yield chromium
        chromium.close()


def faults(page: Page) -> list[str]:
    """Return what WCAG 2.2 AA finds wrong with the page as it is shown, and where."""
    found = Axe().run(page, options={"runOnly": WCAG}).response["violations"]
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]


def excess_width(page: Page) -> int:
    """Return by how much the page is wider than the screen."""
    assert page.viewport_size
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return max(0, width - page.viewport_size["width"])


def check_layout(page: Page) -> None:
    """Fail when the page is not for everybody, or wider than the screen."""
    assert (faults(page), excess_width(page)) == ([], 0), page.url
