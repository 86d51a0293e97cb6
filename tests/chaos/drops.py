"""What is dropped in the runs with real parts: seeded, some of it bad, some of it twice, some of it overwritten."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import PROJECT

LINEAR = PROJECT / "tests" / "models" / "linear"
REQUIREMENTS = PROJECT / "models" / "diabetes" / "requirements.txt"
ROWS_A_FILE = 24
HEADER = "ID,X1,X2,Y\n"
RETRAIN = "retrain: {on: [data, request], cool_down_seconds: 0, budget_per_day: 50, breaker: 50}"
ROLLOUT = "rollout: {steps: [50, 100], bake_seconds: 1, min_requests: 1, max_error_percent: 50, deadline_minutes: 5, keep_warm_minutes: 1}"


@dataclass(frozen=True, slots=True)
class Drop:
    """One upload: which blob, which bytes, and what it is (good, bad, repeat, overwrite) for the report."""

    model: str
    name: str
    content: bytes
    kind: str


def model_folder(model: str, into: Path, *, files_a_batch: int) -> Path:
    """The small linear model under another name. Its environment is the one of the project's own model, so nothing is built."""
    folder = into / model
    shutil.copytree(LINEAR, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REQUIREMENTS, folder / "requirements.txt")
    spec, contract = folder / "model.yaml", folder / "contract.yaml"
    text = (
        spec.read_text().replace("name: linear", f"name: {model}").replace("{files: 1}", f"{{files: {files_a_batch}}}")
    )
    text = (
        text.replace("tries: 1", "tries: 3").replace("min_rows: 15", "min_rows: 5").replace("floor: 4.0", "floor: 9.0")
    )
    text = text.replace("p95_ms: 500, start_seconds: 30", "p95_ms: 5000, start_seconds: 120")
    text = re.sub(r"^retrain: .*$", RETRAIN, text, flags=re.MULTILINE)
    spec.write_text(f"{text}\n{ROLLOUT}\n")
    contract.write_text(contract.read_text().replace("linear", model))
    return folder


def drops(seed: int, models: tuple[str, ...], count: int) -> Iterator[Drop]:
    """`count` uploads: about 70 % good, 15 % bad, 8 % with bytes that came before, 7 % over a drop that came before."""
    chance = random.Random(f"drops:{seed}")
    good: dict[str, list[Drop]] = {model: [] for model in models}
    for number in range(count):
        model = models[number % len(models)]
        drop = _next(chance, model, number, good[model])
        if drop.kind != "bad":
            good[model].append(drop)
        yield drop


def _next(chance: random.Random, model: str, number: int, before: list[Drop]) -> Drop:
    point, name = chance.random(), f"part-{number:04d}.csv"
    if point < 0.15:
        return Drop(model, name, chance.choice(_bad(chance, number)), "bad")
    if point < 0.23 and before:
        return Drop(model, name, chance.choice(before).content, "repeat")
    if point < 0.30 and before:
        return Drop(model, chance.choice(before).name, _good(chance, number), "overwrite")
    return Drop(model, name, _good(chance, number), "good")


def _good(chance: random.Random, number: int) -> bytes:
    """Y = 1 + 2 X1 - X2 and a little noise, which the model finds, as its cases want; every row's ID occurs once."""
    rows = []
    for row in range(ROWS_A_FILE):
        x1, x2 = chance.gauss(0, 1), chance.gauss(0, 1)
        rows.append(f"{number * 1000 + row},{x1:.4f},{x2:.4f},{1 + 2 * x1 - x2 + chance.gauss(0, 0.3):.4f}\n")
    return (HEADER + "".join(rows)).encode()


def _bad(chance: random.Random, number: int) -> tuple[bytes, ...]:
    good = _good(chance, number).decode()
    return (
        good.replace(",", ",many,", 1).replace("X1", "X9", 1).encode(),
        (good + f"{number * 1000 + 900},high,0.1,0.2\n").encode(),
        (good + f"{number * 1000},0.1,0.1,0.2\n").encode(),
        f"this is not a table, number {number}".encode(),
    )
