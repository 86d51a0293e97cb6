"""The README's picture of the dashboard, made again by `python -m tests.screenshot`: the storybook's first page."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from shared.web.site import site
from tests.documents import ROOT
from tests.storybook import serving, storied

PICTURE = ROOT / "docs/dashboard.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Write docs/dashboard.png: 1280 x 800, light, signed in as an approver."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        world = storied(Path(home))
        running = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = running.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        with serving(site(world.app)) as url:
            page.goto(f"{url}/sign-in?key=operations-key&next=/")
            page.screenshot(path=PICTURE)
        running.close()
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
