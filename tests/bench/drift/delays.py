"""How many chunks pass until a known change is seen: measured stream by stream, each method's scores kept, so that it goes on in pieces.

Peers get the threshold that calls at most 1 % of the chunks of unchanged streams changed; Baton decides as it does. Needs river and
Evidently: `python -m tests.bench.drift` runs it where they are.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.bench.drift.methods import FIXED, PEERS, Scores, decision
from tests.bench.drift.streams import AFTER, BASES, PAIRS, changed, unchanged

SHARE = 0.01
BATON = "**Baton**"
METHODS = {BATON: decision, **PEERS}
KEPT = Path(".baton") / "drift-delays.jsonl"
HEAD = (
    "| stream | method | false alarms | chunks until seen, median | mean | missed | streams |\n"
    "|---|---|---:|---:|---:|---:|---:|"
)
Key = tuple[str, int, str]  # a stream's name, its seed, the method


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.drift", description=__doc__)
    options.add_argument("--streams", type=int, default=20)
    options.add_argument("--pair", nargs="+", choices=list(PAIRS), default=list(PAIRS))
    options.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing new after so long")
    options.add_argument("--kept", type=Path, default=KEPT, help="the file of scores")
    wanted = options.parse_args()
    found = measured(wanted.kept, wanted.pair, wanted.streams, until=time.monotonic() + wanted.seconds)
    print(HEAD)
    for name in wanted.pair:
        for line in table(found, name, wanted.streams):
            print(line)


def measured(kept: Path, names: Sequence[str], streams: int, *, until: float) -> dict[Key, Scores]:
    """The scores of each method on each stream that is there, after measuring what is not, as long as the clock says less."""
    found = {(line["stream"], line["seed"], line["method"]): line["scores"] for line in _lines(kept)}
    kept.parent.mkdir(parents=True, exist_ok=True)
    bases = dict.fromkeys(BASES[name] for name in names)
    for seed in range(streams):
        for name, make in [*((base, unchanged) for base in bases), *((name, changed) for name in names)]:
            missing = [method for method in METHODS if (name, seed, method) not in found]
            stream = make(name, seed) if missing and time.monotonic() < until else None
            for method in missing if stream else ():
                assert stream is not None
                began = time.process_time()
                scores = found[name, seed, method] = [round(float(score), 4) for score in METHODS[method](stream)]
                told = {"stream": name, "seed": seed, "method": method, "scores": scores}
                with kept.open("a") as lines:
                    lines.write(json.dumps({**told, "seconds": round(time.process_time() - began, 2)}) + "\n")
    return found


def _lines(kept: Path) -> Iterator[dict[str, object]]:
    if kept.exists():
        yield from (json.loads(line) for line in kept.read_text().splitlines())


def table(found: dict[Key, Scores], name: str, streams: int) -> Iterator[str]:
    """Method, false alarms in a chunk, chunks until the change is seen (median and mean), missed."""
    known = {}
    for method in METHODS:
        still, moved = (
            [found[one, seed, method] for seed in range(streams) if (one, seed, method) in found]
            for one in (BASES[name], name)
        )
        if still and moved:
            known[method] = still, moved
            yield _told(name, method, 0.5 if method == BATON else _calibrated(still), still, moved)
    for method, (peer, limit) in FIXED.items():
        if peer in known:
            yield _told(name, method, limit - 1e-4, *known[peer])


def _calibrated(still: Sequence[Scores]) -> float:
    """The lowest threshold above which at most 1 % of the chunks lie."""
    every = np.sort(np.concatenate(still))[::-1]
    return float(every[int(SHARE * len(every))])


def _told(stream: str, method: str, limit: float, still: Sequence[Scores], moved: Sequence[Scores]) -> str:
    false = float(np.mean([score > limit for scores in still for score in scores]))
    delays = [_delay(scores, limit) for scores in moved]
    missed = sum(delay > AFTER for delay in delays)
    numbers = f"{false:.1%} | {np.median(delays):g} | {np.mean(delays):.1f} | {missed} | {len(moved)}"
    return f"| {stream} | {method} | {numbers} |"


def _delay(scores: Scores, limit: float) -> int:
    """Chunks after the change up to the alarm, which is 1 for the first of them; one more than there are if none came."""
    after = scores[-AFTER:]
    return next((number for number, score in enumerate(after, start=1) if score > limit), AFTER + 1)


if __name__ == "__main__":
    main()
