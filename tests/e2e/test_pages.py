"""The pages in a real Chromium: on a phone, in the dark, by keyboard, without scripts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from shared.web.site import site
from tests.storybook import serving, tell, world_with_users
from tests.world import World

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
TOKENS = """() => {
  const probe = document.body.appendChild(document.createElement("i"));
  const read = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color };
  return Object.fromEntries(["bg", "surface", "text", "muted", "link", "ok", "held", "fail", "run", "idle", "button"]
    .map((name) => [name, read(name).match(/\\d+/g).slice(0, 3).map(Number)]));
}"""
FAULTS = """() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const say = (what, element) => faults.push(`${what}: ${element.outerHTML.slice(0, 90)}`);
  if (all("h1").length !== 1) faults.push(`${all("h1").length} h1`);
  if (!document.documentElement.lang) faults.push("no lang");
  for (const landmark of ["header", "nav[aria-label]", "main", "footer"])
    if (!document.querySelector(landmark)) faults.push(`no ${landmark}`);
  for (const table of all("table")) if (!table.caption || !table.caption.textContent.trim()) say("no caption", table);
  for (const header of all("th")) if (!header.scope) say("no scope", header);
  for (const image of all("img")) if (!image.hasAttribute("alt")) say("no alt", image);
  for (const drawing of all("svg")) if (!drawing.getAttribute("role")) say("no role", drawing);
  for (const button of all("button, summary, a")) if (!button.textContent.trim()) say("no name", button);
  for (const field of all("input:not([type=hidden]), textarea")) if (!field.labels.length) say("no label", field);
  for (const time of all("time")) if (isNaN(Date.parse(time.dateTime))) say("no datetime", time);
  for (const status of all(".status")) if (!status.querySelector(".shape")) say("colour alone", status);
  const ids = all("[id]").map((element) => element.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`id ${id} twice`);
  for (const name of ["aria-labelledby", "aria-describedby"])
    for (const element of all(`[${name}]`))
      if (!document.getElementById(element.getAttribute(name))) say(`${name} leads nowhere`, element);
  let level = 1;
  for (const heading of all("h1, h2, h3, h4")) {
    if (Number(heading.tagName[1]) > level + 1) say("a heading level is left out", heading);
    level = Number(heading.tagName[1]);
  }
  return faults;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        missing = "no Chromium on this machine: the pages were NOT tested. Install it: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The storybook's three models."""
    made = world_with_users(tmp_path)
    tell(made)
    return made


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """The site over that world."""
    with serving(site(world.app)) as address:
        yield address


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens a page in a context of its own, signed in with a key ("" for nobody); all close with the test."""
    contexts = []

    def visited(url: str, path: str, *, key: str = "operations-key", **options: Any) -> Page:
        contexts.append(browser.new_context(**{"viewport": DESK, "base_url": url, **options}))
        page = contexts[-1].new_page()
        if key:
            page.goto(f"/sign-in?key={key}&next={path}")
        if page.url != url + path:
            page.goto(path)
        return page

    yield visited
    for context in contexts:
        context.close()


# The first page


def test_the_title_and_the_first_sentence_say_what_needs_you(visit: Visit, url: str) -> None:
    page = visit(url, "/")
    sentence = "1 release waits for your approval, 1 release failed, 1 dead letter must be looked at"
    expect(page).to_have_title(f"(3) {sentence} · Baton")
    expect(page.get_by_role("heading", level=1)).to_contain_text(sentence)


def test_what_waits_is_shown_with_whom_it_waits_for_and_until_when(visit: Visit, url: str) -> None:
    page = visit(url, "/", key="")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=ASKED)).first
    expect(row).to_contain_text("awaiting approval")
    expect(row).to_contain_text("operations")
    expect(row).to_contain_text("in 23 h 56 min")


def test_an_empty_installation_says_what_to_do(visit: Visit, tmp_path: Path) -> None:
    with serving(site(world_with_users(tmp_path).app)) as url:
        page = visit(url, "/")
        expect(page).to_have_title("Nothing needs you · Baton")
        expect(page.get_by_text("No model is published yet")).to_be_visible()


# One release


def test_the_waiting_step_is_marked(visit: Visit, url: str) -> None:
    step = visit(url, f"/releases/{ASKED}").locator("[aria-current=step]")
    expect(step).to_have_count(1)
    expect(step).to_contain_text("awaiting approval")


def test_a_held_release_shows_the_gain_beside_zero(visit: Visit, url: str) -> None:
    page = visit(url, "/releases/wine-0002")
    says = "MSE: gain 73.4, 95% interval −99.6 to 246.4; its lower end must be above 0"
    expect(page.get_by_role("img", name=says)).to_be_visible()


def test_an_approver_sees_what_the_decision_needs(visit: Visit, url: str) -> None:
    decision = visit(url, f"/releases/{ASKED}").get_by_role("region", name="Your decision")
    for words in (
        "takes over from version 1",
        "2950.1",
        "gain 350.1",
        "upper bound of p95 in ms 2.5, must be at most 500",
    ):
        expect(decision).to_contain_text(words)
    for words in ("What changes", "By how much", "How sure", "Slices that lose", "Data", "Certificate"):
        expect(decision.get_by_role("term").filter(has_text=words).first).to_be_visible()
    for words in ("If you approve", "If you reject", "baton rollback diabetes"):
        expect(decision).to_contain_text(words)


def test_who_is_not_signed_in_is_led_to_sign_in_and_back(visit: Visit, url: str) -> None:
    page = visit(url, f"/releases/{ASKED}", key="")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    page.get_by_role("region", name="Your decision").get_by_role("link", name="Sign in").click()
    page.get_by_label("Your key").fill("operations-key")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name=f"Approve {ASKED}")).to_be_visible()


def test_who_may_not_approve_is_told_who_may(visit: Visit, url: str) -> None:
    page = visit(url, f"/releases/{ASKED}", key="guest-key")
    expect(
        page.get_by_text("guest may not decide on diabetes-0002. Next: ask an approver: operations.")
    ).to_be_visible()


# Deciding


def focus(page: Page, wanted: str, *, at_most: int = 60) -> None:
    """Press Tab until the element with this id, name or text has the focus."""
    for _ in range(at_most):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == wanted:
            return
    raise AssertionError(f"{wanted} cannot be reached by keyboard")


def test_a_release_is_approved_by_keyboard_alone(visit: Visit, url: str, world: World) -> None:
    page = visit(url, f"/releases/{ASKED}")
    focus(page, "Skip to content")
    page.keyboard.press("Enter")
    focus(page, f"why-releases-{ASKED}-approve")
    page.keyboard.type("the numbers are good")
    focus(page, f"Approve {ASKED}", at_most=1)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your request to approve is recorded")).to_be_visible()
    world.settle("diabetes")
    assert (world.release(ASKED).approved_by, world.release(ASKED).approved_why) == (
        "operations",
        "the numbers are good",
    )


def test_without_a_reason_nothing_is_sent(visit: Visit, url: str, world: World) -> None:
    page = visit(url, f"/releases/{ASKED}")
    page.get_by_role("button", name=f"Reject {ASKED}").click()
    expect(page.get_by_label("Why do you reject?")).to_be_focused()
    assert world.app.book.read("diabetes").inbox == ()


def test_what_has_the_focus_is_seen(visit: Visit, url: str) -> None:
    page = visit(url, "/")
    focus(page, "churn")
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"


# Everybody's page


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone(visit: Visit, url: str, path: str) -> None:
    page = visit(url, path, viewport=PHONE)
    assert page.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_read_by_a_screen_reader(visit: Visit, url: str, path: str) -> None:
    assert visit(url, path).evaluate(FAULTS) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_breaks_none_of_its_own_rules(visit: Visit, url: str, path: str) -> None:
    """Its content security policy, a missing file or a fault of the script would all be told in the console."""
    page = visit(url, "/sign-in")
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert [words for words in told if path != "/nothing/here" or "404" not in words] == []


def test_tables_stay_tables_on_a_phone(visit: Visit, url: str) -> None:
    page = visit(url, "/", viewport=PHONE)
    expect(page.get_by_role("table", name="The latest changes first").get_by_role("row")).to_have_count(6)


def test_without_scripts_a_release_is_complete_and_can_be_approved(visit: Visit, url: str, world: World) -> None:
    page = visit(url, f"/releases/{ASKED}", java_script_enabled=False)
    expect(page.locator(".chain > li")).to_have_count(8)
    expect(page.get_by_role("button", name="Stop updating")).to_have_count(0)
    page.get_by_label("Why do you approve?").fill("good")
    page.get_by_role("button", name=f"Approve {ASKED}").click()
    expect(page.get_by_text("Your request to approve is recorded")).to_be_visible()
    assert len(world.app.book.read("diabetes").inbox) == 1


def luminance(colour: list[int]) -> float:
    """Relative luminance of an sRGB colour, by WCAG 2.2."""
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: list[int], other: list[int]) -> float:
    """Contrast ratio of two colours, 1 to 21, by WCAG 2.2."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_contrast_formula_gives_the_known_extremes() -> None:
    assert (contrast([0, 0, 0], [255, 255, 255]), contrast([9, 9, 9], [9, 9, 9])) == (pytest.approx(21), 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_in_both_schemes(visit: Visit, url: str, scheme: str) -> None:
    page = visit(url, "/", color_scheme=scheme)
    tokens = page.evaluate(TOKENS)
    texts = ("text", "muted", "link", "ok", "held", "fail", "run", "idle")
    pairs = [(text, ground) for text in texts for ground in ("bg", "surface")]
    pairs += [("button", ground) for ground in ("ok", "link")]
    unreadable = {pair: contrast(tokens[pair[0]], tokens[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in unreadable.items() if ratio < 4.5} == {}


def test_the_dark_scheme_is_dark(visit: Visit, url: str) -> None:
    tokens = visit(url, "/", color_scheme="dark").evaluate(TOKENS)
    assert luminance(tokens["bg"]) < 0.01 < luminance(tokens["text"])


# While it is looked at


def test_a_page_updates_itself_and_says_so(visit: Visit, url: str, world: World) -> None:
    page = visit(url, "/", key="")
    world.decide(ASKED, approve=False, model="diabetes")
    world.settle("diabetes")
    sentence = "1 release failed, 1 dead letter must be looked at"
    expect(page.locator("#announce")).to_have_text(f"(2) {sentence} · Baton", timeout=15_000)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"✕ {sentence}")


def test_a_half_written_reason_is_kept_while_the_page_updates(visit: Visit, url: str) -> None:
    page = visit(url, f"/releases/{ASKED}")
    page.get_by_label("Why do you approve?").fill("because the")
    page.get_by_label("Why do you approve?").blur()
    with page.expect_response(lambda answer: ASKED in answer.url, timeout=10_000):
        pass
    expect(page.get_by_label("Why do you approve?")).to_have_value("because the")


def test_updating_can_be_stopped(visit: Visit, url: str) -> None:
    page = visit(url, "/")
    page.get_by_role("button", name="Stop updating").click()
    expect(page.get_by_role("button", name="Go on updating")).to_be_visible()
