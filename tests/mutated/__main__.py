"""`python -m tests.mutated FIRST LAST FOLDER`: check files by number in this process, under a limit; one line of JSON each."""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from shared.data.check import check
from shared.data.contract import parse_contract
from shared.data.reading import read_table
from tests.mutated.files import CONTRACT, mutated
from tests.mutated.oracle import second_reading

LIMIT_BYTES = 1 << 30


def judged(number: int, folder: Path) -> dict[str, object]:
    """What the check says of file `number`, and if it accepts, where a second reader differs."""
    name, content = mutated(number)
    file = folder / f"{number}"
    file.write_bytes(content)
    contract = parse_contract(CONTRACT)
    verdict = check(file, contract)
    differs = "" if check(file, contract, quick_from=0) == verdict else "read the quick way, the verdict is another"
    if verdict.accepted and not differs:
        ours = [tuple(row.values()) for row in read_table(file, contract).to_pylist()]
        differs = difference(ours, file, name)
    if not differs:
        file.unlink()
    return {"number": number, "format": name, "accepted": verdict.accepted, "differs": differs}


def difference(ours: list[tuple[object, ...]], file: Path, name: str) -> str:
    """Where the second reader reads something else, or cannot read; empty if it finds the same cells."""
    try:
        theirs = second_reading(file, name)
    except Exception as error:  # noqa: BLE001 - whatever it raises, it could not read what was accepted
        return f"cannot be read: {type(error).__name__}: {error}"[:300]
    if len(ours) != len(theirs):
        return f"{len(ours)} rows, the second reader finds {len(theirs)}"
    return next(
        (f"row {at}: {mine!r} and {other!r}" for at, (mine, other) in enumerate(zip(ours, theirs, strict=True), 1) if mine != other),
        "",
    )  # fmt: skip


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))
    first, last = int(sys.argv[1]), int(sys.argv[2])
    for one in range(first, last):
        print(json.dumps(judged(one, Path(sys.argv[3]))), flush=True)
    os._exit(0)  # as the check itself ends
