"""What was set aside for a person: seen, tried out, replayed, discarded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from cli import address, api, options
from cli.telling import day_and_time, tell_json, tell_next
from shared.errors import Permanent

LONGEST = 160
LIST = "list"


class KeyRefused(Permanent):
    """What was given is no key of a dead letter."""


class Letters(click.Group):
    """A group that lists where no command of it is named: `baton deadletters diabetes`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What begins with no command's name is for `list`."""
        asks_help = any(arg in ctx.help_option_names for arg in args)
        first = args[0] if args else ""
        return super().parse_args(ctx, args if asks_help or first in self.commands else [LIST, *args])


@click.group(cls=Letters)
def deadletters() -> None:
    """What failed every time and was set aside.

    Events and commands of a model, rings that failed, and events that Event Grid could not deliver. Nothing is lost
    in them. Without a command it lists them, of one model or of all; a model called like a command is listed by
    `baton deadletters list MODEL`.

    \b
    Example:  baton deadletters
              baton deadletters diabetes --json
              baton deadletters show diabetes/command-12
              baton deadletters replay diabetes/command-12 --dry-run
    """


@deadletters.command(LIST)
@click.argument("model", required=False)
@options.as_json
def list_them(model: str | None, wants_json: bool) -> None:
    """List them, the latest first, each with what mends it.

    \b
    Example:  baton deadletters list diabetes
    """
    found = api.read(address.find(), "deadletters", **({"model": model} if model else {}))
    if wants_json:
        tell_json(found)
        return
    if not found:
        click.echo("There are no dead letters.")
    for letter in found:
        click.echo(f"{letter['id']}  {_told(letter)}")
        tell_next(letter["next"])


def _told(letter: Mapping[str, Any]) -> str:
    when = f"{day_and_time(letter['at'])}  " if letter["at"] else ""
    about = letter["release"] or letter["model"] or "no model"
    tries = f" after {letter['tries']} tries" if letter["tries"] else ""
    return f"{when}{about}: {letter['kind']} {letter['what']} set aside{tries}: {letter['why']}"


@deadletters.command()
@click.argument("key")
@options.as_json
def show(key: str, wants_json: bool) -> None:
    """Show one, with all that is kept of it. The begin of a key is enough where nothing else begins so.

    \b
    Example:  baton deadletters show diabetes/command-12
    """
    found = api.read(address.find(), "deadletters", *_parts(key))
    if wants_json:
        tell_json(found)
        return
    click.echo(f"{found['id']}  {_told(found)}")
    click.echo(json.dumps(found["content"], indent=1, ensure_ascii=False))
    tell_next(found["next"])


@deadletters.command()
@click.argument("key")
@click.option("--why", default="", help="The reason; the journal keeps it as written. Needed unless --dry-run.")
@click.option("--dry-run", is_flag=True, help="Only tell what would happen: nothing is written.")
@options.user()
@options.as_json
def replay(key: str, why: str, dry_run: bool, user: str, wants_json: bool) -> None:
    """Let one happen again, once.

    An event is decided anew. A command is done if its release still waits for it. A model whose ring failed is rung
    for. What Event Grid could not deliver comes in as if it were delivered now, through the same checks.

    \b
    Example:  baton deadletters replay diabetes/9f2c41aa --dry-run
              baton deadletters replay diabetes/9f2c41aa --why "the folder is there again"
    """
    if dry_run:
        _tell_foreseen(api.read(address.find(user), "deadletters", *_parts(key), "foreseen"), key, wants_json)
        return
    if not why:
        raise click.UsageError("--why is missing: say why it may happen again, or try --dry-run first.")
    _tell_asked(api.ask(address.find(user), "deadletters", *_parts(key), "replay", why=why), key, "replay", wants_json)


@deadletters.command()
@click.argument("key")
@options.why
@options.user()
@options.as_json
def discard(key: str, why: str, user: str, wants_json: bool) -> None:
    """Take one off the list. It is kept apart, with who and why.

    \b
    Example:  baton deadletters discard diabetes/command-12 --why "the drop was made again"
    """
    recorded = api.ask(address.find(user), "deadletters", *_parts(key), "discard", why=why)
    _tell_asked(recorded, key, "discard", wants_json)


def _parts(key: str) -> tuple[str, str]:
    owner, slash, begin = key.partition("/")
    if not (owner and slash and begin):
        raise KeyRefused(f"{key!r} is no key of a dead letter.", next="`baton deadletters` shows them: MODEL/BEGIN")
    return owner, begin


def _tell_asked(asked: Mapping[str, Any], key: str, action: str, wants_json: bool) -> None:
    if wants_json:
        tell_json(asked)
    elif asked["event"]:
        click.echo(f"{key}: your request to {action} is recorded (event {asked['event'][:16]})")
        tell_next(f"baton deadletters {key.split('/')[0]}")
    else:
        done = ", ".join(asked["answers"]) or "off the list; the blob stays in the container"
        click.echo(f"{key}: {done}")


def _tell_foreseen(foreseen: Mapping[str, Any], key: str, wants_json: bool) -> None:
    if wants_json:
        tell_json(foreseen)
        return
    for line in _foreseen(foreseen):
        click.echo(line)
    tell_next(f"baton deadletters replay {key} --why ...")


def _foreseen(foreseen: Mapping[str, Any]) -> Iterable[str]:
    """The decisions in order, then each field as `of field: before -> after`, then what would go out."""
    yield "Nothing was done. A replay would come to this:"
    yield from (f"  {step['event']} {step['answer']}: {step['why']}" for step in foreseen["steps"])
    for change in foreseen["changes"]:
        yield f"  {change['of']} {change['field']}: {_value(change['before'])} -> {_value(change['after'])}"
    yield from (f"  new command: {command}" for command in foreseen["commands"])
    yield from (f"  rings on queue {queue}" for queue in foreseen["rings"])


def _value(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
