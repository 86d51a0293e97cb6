"""`python -m tests.bench.drift [--streams 20]`: how many chunks pass until a known change is seen, and what false alarms cost.

Needs an environment of its own with river 0.26 and evidently 0.7 (pandas < 3) beside numpy, pyarrow and datasketches. Peers get the
threshold that calls at most 1 % of the chunks of unchanged streams changed; Baton decides as it does.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from tests.bench.drift.methods import FIXED, PEERS, Scores, decision
from tests.bench.drift.streams import AFTER, PAIRS, changed, unchanged

SHARE = 0.01


def main() -> None:
    """One table a stream: method, false alarms in a chunk, chunks until the change is seen (median and mean), missed."""
    options = argparse.ArgumentParser(prog="python -m tests.bench.drift", description=__doc__)
    options.add_argument("--streams", type=int, default=20)
    options.add_argument("--pair", nargs="+", choices=list(PAIRS), default=list(PAIRS))
    wanted = options.parse_args()
    print(
        "| stream | method | false alarms | chunks until seen, median | mean | missed |\n|---|---|---:|---:|---:|---:|"
    )
    for name in wanted.pair:
        still = [unchanged(name, seed) for seed in range(wanted.streams)]
        moved = [changed(name, 1_000 + seed) for seed in range(wanted.streams)]
        _tell(name, "**Baton**", 0.5, [decision(one) for one in still], [decision(one) for one in moved])
        known = {}
        for method, scores in PEERS.items():
            known[method] = [scores(one) for one in still], [scores(one) for one in moved]
            limit = _calibrated(known[method][0])
            _tell(name, method, limit, *known[method])
        for method, (peer, limit) in FIXED.items():
            _tell(name, method, limit - 1e-12, *known[peer])


def _calibrated(still: Sequence[Scores]) -> float:
    """The lowest threshold above which at most 1 % of the chunks lie."""
    every = np.sort(np.concatenate(still))[::-1]
    return float(every[int(SHARE * len(every))])


def _tell(stream: str, method: str, limit: float, still: Sequence[Scores], moved: Sequence[Scores]) -> None:
    false = float(np.mean([score > limit for scores in still for score in scores]))
    delays = [_delay(scores, limit) for scores in moved]
    missed = sum(delay > AFTER for delay in delays)
    print(
        f"| {stream} | {method} | {false:.1%} | {np.median(delays):g} | {np.mean(delays):.1f} | {missed} |", flush=True
    )


def _delay(scores: Scores, limit: float) -> int:
    """Chunks after the change up to the alarm, which is 1 for the first of them; one more than there are if none came."""
    after = scores[-AFTER:]
    return next((number for number, score in enumerate(after, start=1) if score > limit), AFTER + 1)


if __name__ == "__main__":
    main()
