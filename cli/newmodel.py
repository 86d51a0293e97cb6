"""A new model: a folder that works as it is, and rows to drop for it."""

from __future__ import annotations

import csv
import random
import shutil
from pathlib import Path

import click

from cli import address
from cli.telling import tell_next
from shared.errors import Permanent
from shared.names import model_name

TEMPLATE = Path(__file__).with_name("template")
NAMED = ("model.yaml", "contract.yaml")
ROWS, SEED = 200, 7
COLUMNS = ("FLAT", "AREA", "ROOMS", "AGE", "RENT")


@click.command("new-model")
@click.argument("name")
def new_model(name: str) -> None:
    """Make models/NAME, a small model that works as it is.

    To be changed step by step into yours; rows to try it with are made too.

    \b
    Example:  baton new-model rents
              baton publish models/rents
    """
    model_name(name)
    folder, sample = Path("models") / name, address.home() / "samples" / f"{name}.csv"
    if folder.exists():
        raise Permanent(f"{folder} is there already.", next="choose another name, or change what is there")
    copy_template(folder, name)
    sample.parent.mkdir(parents=True, exist_ok=True)
    write_sample(sample)
    click.echo(f"{folder} is made; {sample} holds {ROWS} rows to drop for it.")
    tell_next(f"baton publish {folder}; baton drop {name} {sample} --wait")


def copy_template(folder: Path, name: str) -> None:
    """The template's files, under the model's own name."""
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for file in (folder / named for named in NAMED):
        file.write_text(file.read_text(encoding="utf-8").replace("template", name), encoding="utf-8")


def write_sample(file: Path) -> None:
    """Made-up flats, the same each time."""
    chance = random.Random(SEED)  # noqa: S311 - made-up rows
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        for flat in range(1, ROWS + 1):
            writer.writerow([flat, *_flat(chance)])


def _flat(chance: random.Random) -> tuple[int, int, int, int]:
    """Area, rooms, age and rent: 12 a square metre, 40 a room, 3 less a year, and what nobody can know."""
    area, age = chance.randint(25, 140), chance.randint(0, 90)
    rooms = max(1, round(area / 25))
    return area, rooms, age, round(150 + 12 * area + 40 * rooms - 3 * age + chance.gauss(0, 60))
