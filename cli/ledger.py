"""The ledger against its journal: does the table hold what was decided, and if not, make it so again."""

from __future__ import annotations

from dataclasses import asdict

import click

from cli import options, storage
from cli.telling import DONE, SAID_NO, tell_json, tell_next
from shared.journaling.repair import Checked

SHOWN = 40


@click.group()
def ledger() -> None:
    """Hold the ledger's table against its journal, and mend it.

    \b
    Example:  baton ledger rebuild --check
    """


@ledger.command()
@click.argument("model", required=False)
@click.option("--check", "only_check", is_flag=True, help="Compare only; exit code 2 if anything differs.")
@click.option("--why", default="", help="The reason; the journal keeps it as written. Needed unless --check.")
@click.option("--yes", is_flag=True, help="Do not ask before the rows are written.")
@options.user()
@options.as_json
def rebuild(model: str | None, only_check: bool, why: str, yes: bool, user: str, wants_json: bool) -> int:
    """Recreate a model's rows from its journal alone.

    Head, open and ended releases, outbox, accepted files and early events. It talks to storage directly and works while
    the functions host is down. Without --check the rows are written: nothing else may decide on the model meanwhile, and
    that it was done is journalled.

    \b
    Examples:  baton ledger rebuild --check
               baton ledger rebuild diabetes --why "somebody removed rows by hand"
    """
    keeper = storage.keeper()
    models = [model] if model else keeper.models()
    checked = [keeper.repair.check(name) for name in models]
    if only_check:
        _tell(checked, wants_json)
        return SAID_NO if any(one.differences for one in checked) else DONE
    if not why.strip():
        raise click.UsageError('Rebuilding needs --why "..."; --check only compares.')
    if not wants_json:
        _tell(checked, wants_json=False)
    rows = sum(len(one.differences) for one in checked)
    question = f"Write {rows} rows of {', '.join(models)} as the journal tells them, and begin again from there?"
    if not yes and not click.confirm(question, default=False, err=True):
        raise click.Abort
    for one in checked:
        mended = keeper.repair.mend(one.model, by=user, why=why)
        if wants_json:
            tell_json(asdict(mended))
            continue
        lost = "; lines after it were lost, so numbers go on beyond those that they used" if mended.lost else ""
        click.echo(f"{one.model}: {mended.rows} rows written from {mended.lines} lines{lost}")
        tell_next(f"baton ledger rebuild {one.model} --check; docs/audit.md#what-is-lost" if mended.lost else "")
    return DONE


def _tell(checked: list[Checked], wants_json: bool) -> None:
    if wants_json:
        tell_json([asdict(one) for one in checked])
        return
    if not checked:
        click.echo("There is no model.")
    for one in checked:
        if not one.differences:
            click.echo(f"{one.model}: {one.rows} rows are what {one.lines} lines of its journal say")
            continue
        click.echo(f"{one.model}: {len(one.differences)} rows are not what {one.lines} lines of its journal say")
        for difference in one.differences[:SHOWN]:
            click.echo(f"  {difference.key}: {difference.what}")
        if len(one.differences) > SHOWN:
            click.echo(f"  ... {len(one.differences) - SHOWN} more: --json shows all")
        tell_next(f'baton ledger rebuild {one.model} --why "..."')
