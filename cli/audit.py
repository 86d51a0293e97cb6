"""For whoever doubts the journal: does it hold, and everything that an auditor needs in one file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

from cli import options, storage
from cli.telling import DONE, SAID_NO, tell_json, tell_next
from shared.errors import Permanent
from shared.journaling.inspection import Inspected, Witness, witness


@click.group()
def audit() -> None:
    """Check the journal, and write out what an auditor needs.

    \b
    Example:  baton audit verify diabetes
    """


@audit.command()
@click.argument("model", required=False)
@click.option("--hash", "hashes", multiple=True, help="LINE:HASH from a message or a log line; may be given often.")
@options.as_json
def verify(model: str | None, hashes: tuple[str, ...], wants_json: bool) -> int:
    """Find a line of the journal that was changed, is missing, was moved or added.

    Reads every line, in closed segments and in the table, straight from storage, and holds the chain against the head, the
    certificates, the messages to approvers that stand on this laptop, and what --hash says. Exit code 2 if a line is wrong.

    \b
    Examples:  baton audit verify
               baton audit verify diabetes --hash 41:0123456789abcdef
    """
    keeper = storage.keeper()
    if hashes and not model:
        raise click.UsageError("--hash belongs to one model: name it.")
    given = [_given(text) for text in hashes]
    models = [model] if model else keeper.models()
    found = [keeper.inspector.inspect(name, (*given, *told(name))) for name in models]
    if wants_json:
        tell_json([{**asdict(one), "texts": None} for one in found])
    else:
        for one in found:
            _tell(one)
    return SAID_NO if any(one.fault for one in found) else DONE


def _given(text: str) -> Witness:
    try:
        return witness(text, "--hash")
    except ValueError as error:
        raise Permanent(f"{error}.", next="give it as log lines have it: journal=41:0123456789abcdef") from error


def told(model: str) -> Iterable[Witness]:
    """The hashes in the laptop's messages to approvers."""
    for file in sorted(storage.notices().glob(f"{model}-*.json")):
        said = json.loads(file.read_text())
        if said.get("model") == model and said.get("journal"):
            yield witness(said["journal"], f"message {file.stem}")


def _tell(found: Inspected) -> None:
    where = f"{len(found.segments)} closed segments and {found.in_table} rows"
    if found.fault is None:
        click.echo(f"{found.model}: {found.lines} lines in {where} hold, and {found.witnesses} hashes outside agree")
        return
    click.echo(f"{found.model}: {found.fault}")
    tell_next("docs/audit.md#when-a-line-is-wrong")


@audit.command()
@click.argument("model")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write here; otherwise to stdout.")
@click.option("--text", "as_text", is_flag=True, help="For reading, instead of JSON lines.")
@options.user()
def export(model: str, out: Path | None, as_text: bool, user: str) -> int:
    """Write what an auditor needs about a model, one JSON object a line.

    Who, what, when, why, on which evidence with its SHA-256, and who read what; with every line of the journal as it was
    written, so that the file can be checked without Baton. Exit code 2 if the journal does not hold: the file says where.

    \b
    Example:  baton audit export diabetes --out diabetes-audit.jsonl
    """
    from shared.journaling import export as exports

    keeper = storage.keeper()
    inspected = keeper.inspector.inspect(model, tuple(told(model)))
    records = exports.records(inspected, keeper.blobs, by=user, at=storage.now())
    text = exports.readable(records) if as_text else exports.lines(records)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text)
        click.echo(f"{out}: {inspected.lines} lines of {model}'s journal with their evidence")
    if inspected.fault is not None:
        click.echo(f"{model}: {inspected.fault}", err=True)
    return SAID_NO if inspected.fault else DONE
