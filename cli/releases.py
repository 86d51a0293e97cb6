"""One release: its story, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from cli import address, api, options
from cli.telling import clock_time, coloured, day_and_time, folded, number, tell_json, tell_next

ENTRIES_SHOWN = 12
FIRST_SHOWN = 5


@click.command()
@click.argument("release")
@click.option("--all", "wants_all", is_flag=True, help="Every entry; otherwise the middle of a long story is left out.")
@options.as_json
def explain(release: str, wants_all: bool, wants_json: bool) -> None:
    """Tell why a release stands where it stands.

    From the journal: rules, numbers, limits, events and people, in at most 15 lines.

    \b
    Example:  baton explain diabetes-0002
    """
    at = address.find()
    found, story = api.read(at, "releases", release), api.read(at, "releases", release, "story")
    if wants_json:
        tell_json({"release": found, "story": story})
        return
    for line in explained(found, story, wants_all=wants_all):
        click.echo(folded(line, indent=10))
    tell_next(found["next"] or (story[-1]["next"] if story else ""))


def explained(release: Mapping[str, Any], story: Sequence[Mapping[str, Any]], *, wants_all: bool) -> list[str]:
    """The release in one line, then its story, in at most 15 lines unless all is wanted."""
    waits = f"; waits for {release['owner']}" if release["owner"] else ""
    began = f"opened {day_and_time(release['opened_at'])}"
    lines = [_sentence(entry) for entry in story]
    if len(lines) > ENTRIES_SHOWN and not wants_all:
        left = len(lines) - ENTRIES_SHOWN
        lines[FIRST_SHOWN : FIRST_SHOWN + left] = [f"          ... {left} more: baton explain {release['id']} --all"]
    return [f"{release['id']} {coloured(release['state'])} ({began}{waits})", *lines]


def _sentence(entry: Mapping[str, Any]) -> str:
    why = f": {entry['why']}" if entry["why"] else ""
    return f"{clock_time(entry['at'])}  {entry['what']}{why}  [{'; '.join(_grounds(entry))}]"


def _grounds(entry: Mapping[str, Any]) -> Iterable[str]:
    """The rule with its numbers, who acted, and the event that it followed from."""
    numbers = ", ".join(f"{name} {number(value)}" for name, value in entry["numbers"].items())
    if entry["rule"]:
        yield f"rule {entry['rule']}"
    if numbers:
        yield numbers
    yield f"by {entry['actor']}"
    if entry["event"]:
        yield f"event {entry['event'][:16]}"


def _decision(action: str, done: str, text: str, example: str) -> click.Command:
    @click.command(action, help=f"{text}\n\n\b\nExample:  {example}")
    @click.argument("release")
    @options.why
    @options.user()
    @options.as_json
    def decide(release: str, why: str, user: str, wants_json: bool) -> None:
        recorded = api.ask(address.find(user), "releases", release, action, why=why)
        tell_recorded(recorded, f"{release}: {done}", wants_json, todo=f"baton explain {release}")

    return decide


def tell_recorded(recorded: Mapping[str, Any], done: str, wants_json: bool, *, todo: str) -> None:
    """That an event now waits for its decision."""
    if wants_json:
        tell_json(recorded)
        return
    click.echo(f"{done} (event {recorded['event'][:16]})")
    if recorded.get("waits"):
        click.echo(f"It waits: {recorded['waits']}")
    tell_next(todo)


approve = _decision(
    "approve",
    "your approval is recorded",
    "Let a release that waits for approval go to production. Its author may not; an approver of its rules must.",
    'baton approve diabetes-0002 --why "better on every slice"',
)
reject = _decision(
    "reject",
    "your rejection is recorded",
    "Turn down a release that waits for approval.",
    'baton reject diabetes-0002 --why "wait for the March data"',
)
retry = _decision(
    "retry",
    "a retry is asked for",
    "Try again what ended, as a new release. It takes the model's current folder.",
    'baton retry diabetes-0003 --why "the disk is no longer full"',
)
