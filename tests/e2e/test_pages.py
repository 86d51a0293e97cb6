"""The pages in a real Chromium: what needs you, one release, deciding by keyboard, and updates while it is looked at."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from shared.web.site import site
from tests.e2e.looking import ASKED, Visit, focus
from tests.storybook import serving, world_with_users
from tests.world import World


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
    says = "MSE: gain 73.4, from −99.6 to 246.4, each end with 95% confidence; its lower end must be above 0"
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
