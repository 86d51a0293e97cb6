"""The pages as people look at them in a real Chromium: which there are, how wide, and how one is reached by keyboard."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

Visit = Callable[..., Page]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
ASKED = "diabetes-0002"
PAGES = (
    "/",
    "/models/diabetes",
    f"/releases/{ASKED}",
    f"/releases/{ASKED}/certificate",
    "/releases/wine-0002",
    "/releases/churn-0001",
    "/releases/diabetes-0001",
    "/deadletters",
    "/deadletters/churn/command-3",
    "/ignored",
    "/sign-in",
    "/nothing/here",
)
FOCUSED = "() => { const at = document.activeElement; return at.id || at.name || at.textContent.trim() }"


def focus(page: Page, wanted: str, *, at_most: int = 60) -> None:
    """Press Tab until the element with this id, name or text has the focus."""
    for _ in range(at_most):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == wanted:
            return
    raise AssertionError(f"{wanted} cannot be reached by keyboard")
