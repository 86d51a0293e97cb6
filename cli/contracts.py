"""Contracts: a first one from files."""

from __future__ import annotations

from pathlib import Path

import click

from cli.telling import DONE, tell_next
from shared.errors import Permanent

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def contract() -> None:
    """Write a first contract from files.

    \b
    Example:  baton contract propose first.csv second.csv --out models/rents/contract.yaml
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
    tell_next("read each rule and mend it")
    return DONE
