"""The freeze of everything: asked for, waited for, and told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import click

from cli import address, api, options
from cli.telling import TookTooLong, day_and_time, tell_json, tell_next, waiting

WAITED_SECONDS = 30.0
PAUSE_SECONDS = 0.2
UNFREEZE = 'baton unfreeze --why "..."'


@click.command()
@options.why
@options.user()
@options.as_json
def freeze(why: str, user: str, wants_json: bool) -> None:
    """Freeze everything: events are recorded, nothing is done for any model.

    A roll-out stays at its share, deadlines stand still, and a roll-back waits too: roll back first. Says done
    when no process begins anything any more; what had begun ends within a minute and a half.

    \b
    Example:  baton freeze --why "incident 42"
    """
    at = address.find(user)
    begun = api.ask(at, "freeze", why=why)
    found = _until(at, begun["number"], lambda seen: seen["settled"])
    if wants_json:
        tell_json(found)
        return
    click.echo(f"frozen since {day_and_time(found['since'])}: {found['told']} of {found['models']} models know of it")
    tell_next(UNFREEZE)


@click.command()
@options.why
@options.user()
@options.as_json
def unfreeze(why: str, user: str, wants_json: bool) -> None:
    """Let everything go on where it stopped.

    What waits goes on in order; every deadline moves by the length of the freeze. A model that is paused besides
    stays paused.

    \b
    Example:  baton unfreeze --why "incident 42 is over"
    """
    at = address.find(user)
    ended = api.ask(at, "unfreeze", why=why)
    found = _until(at, ended["number"], lambda seen: seen["told"] == seen["models"])
    if wants_json:
        tell_json(found)
        return
    click.echo(f"unfrozen: {found['told']} of {found['models']} models go on")
    tell_next("baton status")


def _until(at: address.Address, number: int, is_done: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
    """Ask how the freeze stands until it is so, or somebody began or ended another."""
    until = time.monotonic() + WAITED_SECONDS
    with waiting("waiting until every process knows"):
        while time.monotonic() < until:
            seen: Mapping[str, Any] = api.read(at, "freeze")
            if is_done(seen) or seen["number"] != number:
                return seen
            time.sleep(PAUSE_SECONDS)
    raise TookTooLong("Not every model knows of it yet; the sweep tells them within a minute.", next="baton status")
