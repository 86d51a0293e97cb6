"""Contracts: a first one from files, and what a change of one breaks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.telling import DONE, SAID_NO, coloured, columns, tell_json, tell_next
from shared.errors import Permanent

if TYPE_CHECKING:
    from shared.data.diff import Difference

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def contract() -> None:
    """Write a first contract from files; compare two contracts.

    \b
    Example:  baton contract propose first.csv second.csv --out models/rents/contract.yaml
              baton contract diff old.yaml models/rents/contract.yaml
    """


@contract.command()
@click.argument("files", type=FILE, nargs=-1, required=True)
@click.option("--name", default="", help="What the rows are called; otherwise the first file's name.")
@click.option(
    "--rows", default=100, show_default=True, type=click.IntRange(1), help="Rows of the smallest file to come."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write it there; otherwise it is printed.")
def propose(files: tuple[Path, ...], name: str, rows: int, out: Path | None) -> int:
    """Propose a contract that files like these keep to, with the reason for each rule.

    Types, presence, ranges, means, categories and keys, with room for chance that depends on the number of rows; under
    100 rows only types, presence and names. It is for you to read and mend: a file knows only what was in it.

    \b
    Example:  baton contract propose first.csv --out contract.yaml
    """
    from shared.data.propose import propose as proposed

    if out and out.exists():
        raise Permanent(f"{out} is there already.", next="name another file with --out, or take that one away")
    text = proposed(files, name=name or files[0].name.split(".")[0], file_rows=rows)
    if not out:
        click.echo(text, nl=False)
        return DONE
    out.write_text(text, encoding="utf-8")
    click.echo(f"wrote {out}")
    tell_next("read each rule and mend it; docs/contracts.md tells what a contract may say")
    return DONE


@contract.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@options.as_json
def diff(old: Path, new: Path, wants_json: bool) -> int:
    """Tell what a change of a contract breaks: for producers (files that were accepted would be refused) and for the
    model (columns that vanish, or become something else).

    Exit code 0 compatible, 2 breaking for somebody, or a contract that cannot be checked.

    \b
    Example:  git show HEAD:models/rents/contract.yaml > old.yaml; baton contract diff old.yaml models/rents/contract.yaml
    """
    from shared.data.contract import read_contract
    from shared.data.diff import difference

    found = difference(read_contract(old), read_contract(new))
    if wants_json:
        tell_json({**asdict(found), "breaking": found.is_breaking, "advice": found.advice})
    else:
        _tell_difference(found)
    return SAID_NO if found.is_breaking else DONE


def _tell_difference(found: Difference) -> None:
    listed = [
        (
            coloured("breaking") if change.breaks else "compatible",
            " and ".join(change.breaks),
            change.column,
            change.what,
        )
        for change in found.changes
    ]
    for line in columns(listed):
        click.echo(line)
    word = "breaking" if found.is_breaking else "compatible" if found.changes else "no change"
    click.echo(f"{found.old_version or '?'} to {found.new_version or '?'}: {word}")
    tell_next(found.advice)
