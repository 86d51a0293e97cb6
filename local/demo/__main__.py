"""`python -m local.demo`: start everything, play the story, leave the dashboard up until Enter; `CI=true` ends it.

`--stay` waits for a line on standard input where that is no terminal, too.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from pathlib import Path

from local import stack
from local.daemon import fresh_home
from local.demo.story import Story
from local.demo.telling import Telling
from shared.errors import BatonError

PARTS = (
    ("A data scientist publishes a model as a folder", "publish"),
    ("A data engineer drops a first file", "first_model"),
    ("More data: a better candidate", "better_model"),
    ("A worse candidate", "worse_model"),
    ("A broken file", "broken_file"),
    ("A version registered by hand", "by_hand"),
    ("Drift", "drift"),
    ("A roll-back", "roll_back"),
)


def main() -> int:
    """Play the story in a fresh home of its own; 0 if everything happened as told."""
    home = fresh_home("demo")
    tell = Telling()
    tell.begin("The laptop's parts start, each waited for by asking it")
    try:
        with stack.running(home, lambda name, seconds: tell.step(f"{name} answers", seconds=seconds)) as running:
            (home / "files").mkdir(exist_ok=True)
            story = Story(running.env, home / "files", tell)
            for chapter, part in PARTS:
                tell.begin(chapter)
                getattr(story, part)()
            _close(tell, story, home)
    except BatonError as error:
        print(f"\n✕ {error.what}\n  Next: {error.next}\n  Logs: {home}/logs", file=sys.stderr)
        return 1
    return 0


def _close(tell: Telling, story: Story, home: Path) -> None:
    report = home / "report.html"
    tell.report(report, story.seen)
    print("\nWhat happened:")
    for number, line in enumerate(story.seen[:5], start=1):
        print(f"  {number}. {line}")
    shown = home.relative_to(Path.cwd()) if home.is_relative_to(Path.cwd()) else home
    print(f"\nAll of it took {time.monotonic() - tell.began:.0f} s. Report: {shown}/report.html  Logs: {shown}/logs")
    print(f"Dashboard: {story.operations.sign_in}")
    stays = sys.stdin.isatty() or "--stay" in sys.argv
    if os.environ.get("CI") == "true" or not stays:
        return
    print(f"It stays up until Enter or Ctrl-C; BATON_HOME={shown} .venv/bin/baton status works meanwhile.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        select.select([sys.stdin], [], [])


if __name__ == "__main__":
    sys.exit(main())
