"""Check, profile and drift against Great Expectations, Evidently and whylogs, each in an environment of its own.

The same rows and rules for each; computing and wall seconds of a process of its own, the sides taking turns, the least of the rounds.
Their reading is not counted, ours is. Environments are built at the first run (`tests/bench/peers/*/requirements.txt`, pinned).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from operator import itemgetter
from pathlib import Path

from local.daemon import home_folder
from shared.data.check import check
from shared.data.contract import read_contract
from shared.data.profile import Profile
from shared.runs.environments import python_for
from tests.bench.bench_data import Took, run
from tests.bench.datafiles import contract_text, write_csv, write_parquet
from tests.bench.figures import Figure, report

ROWS, DRIFT_ROWS, ROUNDS = 1_000_000, 200_000, 2
PEERS = Path(__file__).parent / "peers"
GREAT, EVIDENTLY, WHYLOGS = "great-expectations", "evidently", "whylogs"
CSV, PARQUET, DRIFT = "check and profile, CSV", "check and profile, Parquet", "check, profile and drift, Parquet"
BARE = "bare read, CSV"
BARE_READS = 4  # it holds the whole file: the first ones pay for memory that the machine has to find
PAIRS = (
    ("Great Expectations against check and profile, CSV", GREAT, CSV, 5.0),
    ("Great Expectations against check and profile, Parquet", GREAT, PARQUET, 5.0),
    ("Evidently against check, profile and drift", EVIDENTLY, DRIFT, 10.0),
    ("whylogs against check, profile and drift", WHYLOGS, DRIFT, 10.0),
)


def peer(name: str, *files: Path) -> Took:
    """What one peer took, by its own Python."""
    folder = PEERS / name
    command = [str(python_for(folder, "run", home=home_folder())), str(folder / "side.py"), *map(str, files)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=dict(os.environ))
    found: Took = json.loads(ended.stdout.splitlines()[-1])
    return found


def sides(folder: Path, rows: int, drift_rows: int) -> Mapping[str, Callable[[], Took]]:
    """Each side by its name: rules over `rows` rows, profile and drift over `drift_rows`."""
    contract = folder / "contract.yaml"
    contract.write_text(contract_text(unique=True, patterns=True))
    csv, parquet = write_csv(folder / "rows.csv", rows), write_parquet(folder / "rows.parquet", rows)
    fewer = write_parquet(folder / "fewer.parquet", drift_rows)
    rules = read_contract(contract)
    profile = Profile.of(rules)
    check(fewer, rules, profile)
    stored = folder / "reference.json"
    profile.save(stored)
    return {
        BARE: lambda: min((run("pyarrow, all cores", csv, contract) for _ in range(BARE_READS)), key=itemgetter("cpu")),
        CSV: lambda: run("check and profile", csv, contract),
        PARQUET: lambda: run("check and profile", parquet, contract),
        GREAT: lambda: peer(GREAT, parquet),
        DRIFT: lambda: run("check, profile and drift", fewer, contract, stored),
        EVIDENTLY: lambda: peer(EVIDENTLY, fewer, fewer),
        WHYLOGS: lambda: peer(WHYLOGS, fewer, fewer),
    }


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.bench_peers", description=__doc__)
    options.add_argument("--rows", type=int, default=ROWS)
    options.add_argument("--drift-rows", type=int, default=DRIFT_ROWS)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    wanted = options.parse_args()
    found: dict[str, list[Took]] = {}
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as name:
        each = sides(Path(name), wanted.rows, wanted.drift_rows)
        for _ in range(wanted.rounds):
            for side, measure in each.items():
                found.setdefault(side, []).append(measure())
    took = {side: {what: min(one[what] for one in ones) for what in ones[0]} for side, ones in found.items()}
    figures = [
        Figure(text, round(took[theirs]["cpu"] / took[ours]["cpu"], 1), "×", least, least=True)
        for text, theirs, ours, least in PAIRS
    ]
    details = {"sides": took, "rows": wanted.rows, "drift_rows": wanted.drift_rows, "load": os.getloadavg()}
    report("peers", figures, details)


if __name__ == "__main__":
    main()
