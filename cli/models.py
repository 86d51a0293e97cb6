"""Models: where each stands, and what a person asks of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from cli import address, api, options
from cli.releases import tell_recorded
from cli.telling import coloured, columns, day_and_time, tell_json, tell_next

APPROVAL = "awaiting approval"
RELEASES_TOLD = 10


@click.command()
@click.argument("model", required=False)
@options.as_json
def status(model: str | None, wants_json: bool) -> None:
    """Tell where models stand, and what waits for whom.

    All of them in a line each, or one with its releases.

    \b
    Example:  baton status
              baton status diabetes
    """
    at = address.find()
    found = api.read(at, "models", model) if model else api.read(at, "models")
    freeze, breakers = api.read(at, "freeze"), api.read(at, "breakers")
    if wants_json:
        tell_json(found)
        return
    if freeze["holds"]:
        click.echo(f"Everything is frozen by {freeze['by']} since {day_and_time(freeze['since'])}: {freeze['why']}")
    for breaker in breakers:
        since = day_and_time(breaker["since"])
        click.echo(f"The platform for {breaker['platform']} has not answered since {since}, its commands wait.")
    if model:
        _tell_one(found)
    else:
        _tell_all(found)
    if freeze["holds"]:
        tell_next('baton unfreeze --why "..."')


def _tell_all(models: list[Mapping[str, Any]]) -> None:
    if not models:
        click.echo("No model is published.")
        tell_next("baton publish models/NAME")
        return
    for line in columns((model["name"], coloured(model["status"]), model["state"]) for model in models):
        click.echo(line)
    for model in models:
        for todo in _todo(model):
            tell_next(todo)


def _tell_one(model: Mapping[str, Any]) -> None:
    click.echo(f"{model['name']}  {coloured(model['status'])}  {model['state']}")
    for line in columns(_facts(model)):
        click.echo(f"  {line}")
    releases = model["releases"][:RELEASES_TOLD]
    if releases:
        click.echo("  releases, newest first:")
    for line in columns((release["id"], coloured(release["state"]), release["why"]) for release in releases):
        click.echo(f"    {line}")
    for todo in _todo(model):
        tell_next(todo)


def _facts(model: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    serving = model["champion"]
    yield "serves", f"version {serving['version']} since {day_and_time(serving['since'])}" if serving else "nothing yet"
    yield "folder", f"{model['folder']} by {model['author']}"
    for wait in model["waiting"]:
        until = f" until {day_and_time(wait['until'])}" if wait["until"] else ""
        yield "waits", f"{wait['of']}: {wait['what']}, for {wait['owner']}{until}"
    if model.get("holdout"):
        yield "error budget", f"of the holdout: {model['holdout']}"
    basket = model["basket"]
    if basket["files"] or basket["causes"]:
        yield "collects", f"{basket['files']} files, {basket['rows']} rows {basket['why']}".rstrip()


def _todo(model: Mapping[str, Any]) -> Iterable[str]:
    """What a person can do about this model now."""
    for wait in model["waiting"]:
        if wait["what"] == APPROVAL:
            yield f'baton explain {wait["of"]}; then baton approve {wait["of"]} --why "..."'
    if model["dead"]:
        yield f"baton deadletters {model['name']}"
    if model["paused"]:
        yield f'baton resume {model["name"]} --why "..."'


def _request(action: str, done: str, text: str, example: str) -> click.Command:
    @click.command(action, help=f"{text}\n\n\b\nExample:  {example}")
    @click.argument("model")
    @options.why
    @options.user()
    @options.as_json
    def request(model: str, why: str, user: str, wants_json: bool) -> None:
        recorded = api.ask(address.find(user), "models", model, action, why=why)
        tell_recorded(recorded, f"{model}: {done}", wants_json, todo=f"baton status {model}")

    return request


retrain = _request(
    "retrain",
    "a retraining is asked for",
    "Ask for a new release from all accepted files. It passes budget, cool-down and breaker, but no gate.",
    'baton retrain diabetes --why "new feature definition"',
)
rollback = _request(
    "rollback",
    "the roll-back is asked for",
    "Go back to the champion before this one. It is kept warm for that; a running roll-out stops first.",
    'baton rollback diabetes --why "support sees wrong scores"',
)
pause = _request(
    "pause",
    "the pause is asked for",
    "Freeze a model: events are recorded, nothing is done. Deadlines stand still too.",
    'baton pause diabetes --why "incident 42"',
)
resume = _request(
    "resume",
    "the end of the pause is asked for",
    "Let a paused model go on where it stopped.",
    'baton resume diabetes --why "incident 42 is over"',
)
