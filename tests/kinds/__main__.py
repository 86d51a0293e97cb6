"""Every example model through the whole chain on a laptop of its own: `python -m tests.kinds [MODEL ...]`.

The exit code is 1 where one of them did not go live, was not promoted with more data, or was not held with mixed-up data.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from local import stack
from local.daemon import home_folder
from tests.kinds.journey import KINDS, Journey

WANTED = (("live", "replaced"), ("live",), ("held",))


def main(models: list[str]) -> int:
    """Play them, one after the other."""
    failed = 0
    home = fresh_home()
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


def fresh_home() -> Path:
    """A home that nothing was in before; its logs stay, and model environments are shared with the project's."""
    kept = home_folder().resolve()
    home = kept / "kinds"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (kept / "envs").mkdir(exist_ok=True)
    (home / "envs").symlink_to(kept / "envs")
    return home


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
