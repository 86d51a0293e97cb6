"""What was set aside for a person."""

from __future__ import annotations

import click

from cli import address, api, options
from cli.telling import day_and_time, tell_json, tell_next


@click.command()
@click.argument("model", required=False)
@options.as_json
def deadletters(model: str | None, wants_json: bool) -> None:
    """List what failed every time and was set aside.

    Events and commands; nothing is lost, and each comes with what mends it.

    \b
    Example:  baton deadletters diabetes
    """
    found = api.read(address.find(), "deadletters", **({"model": model} if model else {}))
    if wants_json:
        tell_json(found)
        return
    if not found:
        click.echo("There are no dead letters.")
    for letter in found:
        about = letter["release"] or letter["model"]
        tries = f" after {letter['tries']} tries" if letter["tries"] else ""
        click.echo(
            f"{day_and_time(letter['at'])}  {about}: {letter['kind']} {letter['what']} set aside{tries}: {letter['why']}"
        )
        tell_next(letter["next"])
