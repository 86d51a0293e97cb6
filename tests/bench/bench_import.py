"""How much longer the app takes to import than the libraries that every such app needs: at most 1.3 times as long.

The app loads its storage SDKs at first use and not at import, so its import alone can well be the shorter one. A cold
start pays for that first use too: so the second figure goes on until the storage adapters are built, against the
libraries until the same clients are built, and is held to the same limit.
Every measurement is a fresh interpreter and the sides alternate, so that a slow moment of the machine meets all.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

from local.azurite import ACCOUNT, KEY
from local.daemon import LOCALHOST
from tests.bench.figures import Figure, report

ROOT = Path(__file__).resolve().parents[2]
DATA = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};" + "".join(
    f"{kind}Endpoint=http://{LOCALHOST}:1/{ACCOUNT};" for kind in ("Blob", "Queue", "Table")
)  # clients are built, and nothing is asked of it
APP = "import function_app"
LIBRARIES = "import azure.functions, azure.data.tables, azure.storage.queue, azure.storage.blob"
SIDES = {
    "app": APP,
    "libraries": LIBRARIES,
    "app with its storage adapters": f"{APP}; from shared import wiring; wiring.storage({DATA!r})",
    "libraries with the same clients": f"""{LIBRARIES}
azure.data.tables.TableServiceClient.from_connection_string({DATA!r}).get_table_client("ledger")
queues = azure.storage.queue.QueueServiceClient.from_connection_string({DATA!r})
for name in ("advance", "perform"):
    queues.get_queue_client(name, message_encode_policy=azure.storage.queue.TextBase64EncodePolicy())
azure.storage.blob.BlobServiceClient.from_connection_string({DATA!r})""",
}
ROUNDS = 9
LIMIT = 1.3


def import_seconds(statement: str) -> float:
    """Seconds that a fresh interpreter spends in the statements, its own start not counted."""
    code = f"from time import perf_counter as t; a = t()\n{statement}\nprint(t() - a)"
    fresh = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(fresh.stdout)


def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds per side; one unmeasured round first writes the byte code and warms the disk."""
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(rounds + 1):
        for side, statement in SIDES.items():
            seconds = import_seconds(statement)
            if number:
                times[side].append(seconds)
    return times


def main() -> None:
    times = measure(ROUNDS)
    least = {side: min(seconds) for side, seconds in times.items()}
    first_use = least["app with its storage adapters"] / least["libraries with the same clients"]
    figures = [
        Figure("import of the app against its libraries", round(least["app"] / least["libraries"], 2), "×", LIMIT),
        Figure("the same until the storage clients are built", round(first_use, 2), "×", LIMIT),
    ]
    sides = {side: {"min": round(min(ts), 3), "median": round(statistics.median(ts), 3)} for side, ts in times.items()}
    report("import", figures, {"rounds": ROUNDS, "seconds": sides})


if __name__ == "__main__":
    main()
