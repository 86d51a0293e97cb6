"""Every example model through the whole chain on a laptop of its own: `python -m tests.kinds [MODEL ...]`.

The exit code is 1 where one of them did not go live, was not promoted with more data, or was not held with mixed-up data.
"""

from __future__ import annotations

import sys
import time

from local import stack
from local.daemon import fresh_home
from tests.kinds.journey import KINDS, Journey

WANTED = (("live", "replaced"), ("live",), ("held",))


def main(models: list[str]) -> int:
    """Play them, one after the other."""
    failed = 0
    home = fresh_home("kinds")
    with stack.running(
        home, lambda name, seconds: print(f"{name} answers after {seconds:.1f} s", flush=True)
    ) as laptop:
        for model in models or list(KINDS):
            began = time.monotonic()
            seen = Journey(laptop.env, home, KINDS[model]).play()
            ends = [one.release["state"] for one in seen]
            good = all(end in wanted for end, wanted in zip(ends, WANTED, strict=True))
            failed += not good
            took = f"{time.monotonic() - began:.0f} s"
            print(f"{model}: {', '.join(ends)} in {took} {'' if good else f'FAILED, logs: {home}/logs'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
