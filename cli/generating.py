"""Files like the real ones, for tests and rehearsals."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import storage
from cli.checks import contract_file
from cli.telling import DONE, tell_next

if TYPE_CHECKING:
    from shared.data.profile import Profile
    from shared.data.rules import Contract

DRIFT = re.compile(r"(?P<column>[^:]+):(?P<by>[+-]?[0-9]*\.?[0-9]+)sd")
NULLS = re.compile(r"(?:(?P<column>[^:]+):)?(?P<percent>[0-9]*\.?[0-9]+)%")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("model")
@click.option("--rows", type=click.IntRange(1, 10_000_000), required=True, help="How many rows.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it there; otherwise it is printed.")
@click.option("--like", type=FILE, help="A file to be like; otherwise all files accepted so far, by their profiles.")
@click.option("--drift", "drifts", multiple=True, metavar="COLUMN:+0.5sd", help="Move a column by its deviation.")
@click.option(
    "--nulls", multiple=True, metavar="[COLUMN:]3%", help="Leave cells empty, of a column or of all but the key."
)
@click.option("--seed", default=0, help="Another seed gives other rows.")
def generate(
    model: str,
    rows: int,
    out: Path | None,
    like: Path | None,
    drifts: tuple[str, ...],
    nulls: tuple[str, ...],
    seed: int,
) -> int:
    """Write a file with rows like the model's real ones, or drifted from them on purpose.

    Columns are drawn apart from each other: it tries the way of data, and trains no model worth having.

    \b
    Example:  baton generate diabetes --rows 500 --drift BMI:+0.5sd --nulls 3% --out rehearsal.csv
    """
    from pyarrow import csv

    from shared.data.contract import read_contract
    from shared.data.generating import Asked, generate

    asked = Asked(rows, seed, _drifts(drifts), _nulls(nulls))
    with contract_file(model) as file:
        contract = read_contract(file)
    profile = _like(like, contract) if like else _accepted(model)
    made = generate(profile, contract, asked)
    if out is None:
        csv.write_csv(made, sys.stdout.buffer)
        return DONE
    csv.write_csv(made, out)
    click.echo(f"{out}: {rows} rows like {profile.rows} of {like.name if like else model}")
    tell_next(f"baton check {model} {out}")
    return DONE


def _drifts(texts: Sequence[str]) -> Mapping[str, float]:
    found = {text: DRIFT.fullmatch(text) for text in texts}
    for text, match in found.items():
        if match is None:
            raise click.BadParameter(f"{text!r} is not COLUMN:+0.5sd", param_hint="--drift")
    return {match["column"]: float(match["by"]) for match in found.values() if match}


def _nulls(texts: Sequence[str]) -> Mapping[str, float]:
    found = {text: NULLS.fullmatch(text) for text in texts}
    for text, match in found.items():
        if match is None or float(match["percent"]) > 100:
            raise click.BadParameter(f"{text!r} is not 3% or COLUMN:3%", param_hint="--nulls")
    return {match["column"] or "": float(match["percent"]) / 100 for match in found.values() if match}


def _like(file: Path, contract: Contract) -> Profile:
    from shared.data.check import check
    from shared.data.profile import Profile

    profile = Profile.of(contract)
    verdict = check(file, contract, profile)
    if not verdict.accepted:
        raise click.BadParameter(f"{file.name} would be refused: {verdict.summary}", param_hint="--like")
    return profile


def _accepted(model: str) -> Profile:
    from shared.monitoring.drifting import profile_of_accepted

    keeper = storage.keeper()
    return profile_of_accepted(keeper.book, keeper.blobs, model)
