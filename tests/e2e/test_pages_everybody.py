"""Every page in a real Chromium for everybody: on a phone, in the dark, for a screen reader, without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.looking import ASKED, PAGES, PHONE, Visit
from tests.world import World

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
