"""Whether a model's newer data still looks like what its champion was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli import options, storage
from cli.telling import DONE, SAID_NO, columns, tell_json, tell_next
from shared import wiring
from shared.drifting import Drifting, Side, drifting

if TYPE_CHECKING:
    from shared.data.comparing import Change

BAR = 20


@click.command()
@click.argument("model")
@click.option("--all", "wants_all", is_flag=True, help="Every test of every column; otherwise each column's worst.")
@options.as_json
def drift(model: str, wants_all: bool, wants_json: bool) -> int:
    """Compare the newer files' columns with those that the champion was trained on.

    A column drifted if a share of its rows moved that is both larger than chance explains and large enough to matter;
    `from` is the share from which on that is certain. The chance is corrected for all columns.
    Exit code 0 nothing drifted, 2 a column did.

    \b
    Example:  baton drift diabetes
    """
    keeper = storage.keeper()
    found = drifting(keeper.book, keeper.blobs, wiring.published_rules(keeper.blobs), model)
    if wants_json:
        tell_json({**asdict(found), "drifted": found.drifted})
    else:
        _tell(found, found.changes if wants_all else _worst(found.changes))
    return SAID_NO if found.drifted else DONE


def _worst(changes: Sequence[Change]) -> Iterable[Change]:
    """The first of each column, as they come with the most drifted first."""
    first: dict[str, Change] = {}
    for change in changes:
        first.setdefault(change.column, change)
    return first.values()


def _tell(found: Drifting, changes: Iterable[Change]) -> None:
    click.echo(f"{found.model}: {_side(found.now, 'newer')} against version {found.version}, {_side(found.before)}")
    for line in columns(_line(change) for change in changes):
        click.echo(line)
    drifted = found.drifted
    click.echo(f"drifted: {', '.join(drifted)}" if drifted else "nothing drifted")
    if drifted:
        tell_next(f'look at what changed at the source; `baton retrain {found.model} --why "..."` if it is to stay')


def _side(side: Side, word: str = "") -> str:
    files = f"{side.files} {word} file{'' if side.files == 1 else 's'}".replace("  ", " ")
    return f"{files} of {side.rows} rows"


def _line(change: Change) -> list[str]:
    bar = "█" * round(BAR * min(1.0, change.size))
    word = click.style("drift", fg="red") if change.drifted else "same"
    sizes = f"{change.size:6.1%} from {change.limit:.1%}"
    return [word, change.column, change.test, f"{bar:·<{BAR}}", sizes, f"p {change.p_value:.2g}", change.what]
