"""What the command line asks for: decisions, retrains, and what becomes of dead letters."""

from __future__ import annotations

import pytest

from shared import events
from tests.integration.command_line import ASKED, HELD, CommandLine
from tests.world import World


def inbox(world: World, model: str = "diabetes") -> list[events.Event]:
    return [waiting.event for waiting in world.app.book.read(model).inbox]


# Dead letters


def test_a_dead_letter_comes_with_the_command_that_mends_it(baton: CommandLine) -> None:
    ran = baton("deadletters", "churn")
    assert "churn-0001: command start_run set aside after 5 tries: the platform does not answer" in ran.out
    assert "Next: baton retry churn-0001 --why" in ran.out


def test_a_dead_letter_is_shown_with_all_that_is_kept_of_it(baton: CommandLine) -> None:
    assert baton("deadletters", "list", "churn", "--json").json == baton("deadletters", "churn", "--json").json
    (letter,) = baton("deadletters", "--json").json
    shown = baton("deadletters", "show", letter["id"])
    assert letter["id"].startswith("churn/command-")
    assert '"kind": "start_run"' in shown.out
    assert baton("deadletters", "show", letter["id"], "--json").json["content"]["command"]["kind"] == "start_run"


def test_a_dry_run_says_what_would_happen_and_does_nothing(baton: CommandLine) -> None:
    (letter,) = baton("deadletters", "churn", "--json").json
    tried = baton("deadletters", "replay", letter["id"], "--dry-run")
    assert "Nothing was done." in tried.out
    assert "ReplayRequested stale: churn-0001 has ended" in tried.out
    assert "baton retry churn-0001 --why" in tried.out
    assert baton("deadletters", "churn", "--json").json == [letter]


def test_a_replay_needs_a_reason(baton: CommandLine) -> None:
    ran = baton("deadletters", "replay", "churn/command-1")
    assert (ran.code, "--why is missing" in ran.err) == (1, True)


@pytest.mark.parametrize("key", ["churn", "/", "churn/"])
def test_what_is_no_key_is_refused_with_the_way_to_find_one(baton: CommandLine, key: str) -> None:
    ran = baton("deadletters", "show", key)
    assert (ran.code, "is no key of a dead letter" in ran.err, "`baton deadletters`" in ran.err) == (1, True, True)


def test_a_discarded_letter_is_recorded_in_the_name_of_who_asked(baton: CommandLine) -> None:
    (letter,) = baton("deadletters", "churn", "--json").json
    done = baton("deadletters", "discard", letter["id"], "--why", "retried by hand", "--json")
    assert (done.code, done.json["new"]) == (0, True)


def test_no_dead_letters_are_said_aloud(baton: CommandLine) -> None:
    assert baton("deadletters", "wine").out == "There are no dead letters.\n"


# Decisions


def test_an_approval_is_recorded_under_the_name_of_who_gives_it(baton: CommandLine, world: World) -> None:
    ran = baton("approve", ASKED, "--why", "better everywhere")
    found = inbox(world)[0]
    assert isinstance(found, events.ApprovalGiven)
    assert (ran.code, found.by, found.why, found.approve) == (0, "operations", "better everywhere", True)


def test_an_approved_release_rolls_out(baton: CommandLine, world: World) -> None:
    baton("approve", ASKED, "--why", "better everywhere")
    world.settle("diabetes")
    assert world.release(ASKED).state == "rolling out"


@pytest.mark.parametrize("user", ["author", "guest"])
def test_who_may_not_approve_is_told_no_with_code_2(baton: CommandLine, world: World, user: str) -> None:
    ran = baton("approve", ASKED, "--why", "mine", "--as", user)
    assert (ran.code, inbox(world), "Next: ask an approver: operations." in ran.err) == (2, [], True)


def test_what_does_not_wait_cannot_be_approved(baton: CommandLine) -> None:
    ran = baton("approve", HELD, "--why", "still good")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "wine-0002 does not wait for approval: it is held.")


def test_nobody_decides_without_a_reason(baton: CommandLine, world: World) -> None:
    assert (baton("approve", ASKED).code, baton("approve", ASKED, "--why", " ").code) == (1, 1)
    assert inbox(world) == []


def test_the_environment_may_name_the_user(baton: CommandLine, world: World) -> None:
    baton("retrain", "diabetes", "--why", "new rows", BATON_USER="guest")
    assert [event.by for event in inbox(world) if isinstance(event, events.PersonEvent)] == ["guest"]


def test_a_token_of_the_environment_says_who_asks(baton: CommandLine, world: World) -> None:
    baton("retrain", "diabetes", "--why", "new rows", BATON_TOKEN="author-key")
    assert [event.by for event in inbox(world) if isinstance(event, events.PersonEvent)] == ["author"]


def test_an_unknown_user_is_told_who_there_is(baton: CommandLine) -> None:
    ran = baton("retrain", "diabetes", "--why", "x", "--as", "nobody")
    assert (ran.code, "use --as with one of author, guest, operations" in ran.err) == (1, True)


def test_a_wrong_token_is_an_error(baton: CommandLine, world: World) -> None:
    ran = baton("retrain", "diabetes", "--why", "x", BATON_TOKEN="stolen")
    assert (ran.code, inbox(world)) == (1, [])


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("retrain", events.RetrainRequested),
        ("rollback", events.RollbackRequested),
        ("pause", events.PauseRequested),
        ("resume", events.ResumeRequested),
    ],
)
def test_what_is_asked_of_a_model_is_recorded_once(
    baton: CommandLine, world: World, action: str, kind: type[events.PersonEvent]
) -> None:
    ran = baton(action, "wine", "--why", "because", "--json")
    found = inbox(world, "wine")
    assert ([type(event) for event in found], [event.id for event in found]) == ([kind], [ran.json["event"]])


def test_a_rejection_and_a_retry_reach_the_release(baton: CommandLine, world: World) -> None:
    baton("reject", ASKED, "--why", "not now")
    world.settle("diabetes")
    ran = baton("retry", ASKED, "--why", "now it is time")
    assert (world.release(ASKED).state, ran.code, type(inbox(world)[0])) == ("rejected", 0, events.RetryRequested)


def test_the_event_that_is_told_is_the_one_that_is_recorded(baton: CommandLine, world: World) -> None:
    ran = baton("retrain", "wine", "--why", "x")
    assert inbox(world, "wine")[0].id[:16] in ran.out
