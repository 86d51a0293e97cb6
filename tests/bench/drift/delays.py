"""How many chunks pass until a known change is seen: measured stream by stream, each method's scores kept, so that it goes on in pieces.

Peers get the threshold that calls at most 1 % of the chunks of unchanged streams changed, and for the last column but one the threshold
that calls no larger share of them changed than Baton does; Baton decides as it does. The last column is each stream's delay less Baton's,
with the 95 % interval of its mean (Student's t). Needs river and Evidently: `python -m tests.bench.drift` runs it where they are.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from tests.bench.drift.methods import FIXED, PEERS, Scores, decision
from tests.bench.drift.streams import AFTER, BASES, PAIRS, changed, unchanged

SHARE = 0.01
BATON = "**Baton**"
METHODS = {BATON: decision, **PEERS}
KEPT = Path(".baton") / "drift-delays.jsonl"
HEAD = (
    "| stream | method | false alarms | chunks until seen, median | mean | missed | streams | mean with Baton's false alarms | "
    "after Baton |\n|---|---|---:|---:|---:|---:|---:|---:|---:|"
)
Key = tuple[str, int, str]  # a stream's name, its seed, the method
Streams = Mapping[int, Scores]  # by seed


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
    """A line for each method: `HEAD` says of what."""
    known = {}
    for method in METHODS:
        still, moved = (
            {seed: found[one, seed, method] for seed in range(streams) if (one, seed, method) in found}
            for one in (BASES[name], name)
        )
        if still and moved:
            known[method] = still, moved
    if BATON not in known:
        return
    own = _share(0.5, known[BATON][0])
    limits = {method: (method, *(_calibrated(known[method][0], share) for share in (SHARE, own))) for method in PEERS}
    limits |= {BATON: (BATON, 0.5, 0.5)}
    limits |= {name: (peer, limit - 1e-4, limit - 1e-4) for name, (peer, limit) in FIXED.items()}
    baton = _delays(known[BATON][1], 0.5)
    for method in (*METHODS, *FIXED):
        peer, limit, as_baton = limits[method]
        if peer in known:
            yield f"| {name} | {method} | {_told(limit, as_baton, *known[peer], baton)} |"


def _calibrated(still: Streams, share: float) -> float:
    """The lowest threshold above which at most this share of the chunks lies."""
    every = np.sort(np.concatenate(list(still.values())))[::-1]
    return float(every[int(share * len(every) + 1e-9)])  # a share of them that is one of them counts as one


def _share(limit: float, still: Streams) -> float:
    """The share of chunks that are called changed."""
    return float(np.mean([score > limit for scores in still.values() for score in scores]))


def _told(limit: float, as_baton: float, still: Streams, moved: Streams, baton: Mapping[int, int]) -> str:
    found = _delays(moved, limit)
    delays = list(found.values())
    missed = sum(delay > AFTER for delay in delays)
    numbers = f"{_share(limit, still):.1%} | {np.median(delays):g} | {np.mean(delays):.1f} | {missed} | {len(delays)}"
    later = [delay - baton[seed] for seed, delay in found.items() if seed in baton]
    return f"{numbers} | {np.mean(list(_delays(moved, as_baton).values())):.1f} | {_interval(later)}"


def _interval(later: Sequence[int]) -> str:
    """A mean with the 95 % interval of it."""
    if len(later) < 2:
        return "–"
    mean, error = float(np.mean(later)), float(np.std(later, ddof=1)) / math.sqrt(len(later))
    away = float(stats.t.ppf(0.975, len(later) - 1)) * error
    return f"{mean:+.1f} ({mean - away:+.1f} to {mean + away:+.1f})" if away else f"{mean:+.1f}"


def _delays(moved: Streams, limit: float) -> dict[int, int]:
    return {seed: _delay(scores, limit) for seed, scores in moved.items()}


def _delay(scores: Scores, limit: float) -> int:
    """Chunks after the change up to the alarm, which is 1 for the first of them; one more than there are if none came."""
    after = scores[-AFTER:]
    return next((number for number, score in enumerate(after, start=1) if score > limit), AFTER + 1)


if __name__ == "__main__":
    main()
