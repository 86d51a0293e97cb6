"""How the demo tells its story: a line for each step with what happened, why and how long it took, and a report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TypeVar

from shared.errors import Permanent

T = TypeVar("T")
ASK_EVERY_SECONDS = 0.2
STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0}td.n{text-align:right;white-space:nowrap}"
)


class NotAsTold(Permanent):
    """The demo saw something else than its story says."""


@dataclass
class Telling:
    """Prints steps as they end and remembers them for the report."""

    steps: list[tuple[str, str, str, float]] = field(default_factory=list)
    chapter: str = ""
    began: float = field(default_factory=time.monotonic)
    _last: float = field(default_factory=time.monotonic)

    def begin(self, chapter: str) -> None:
        """A new part of the story."""
        self.chapter = chapter
        print(f"\n{chapter}", flush=True)
        self._last = time.monotonic()

    def step(self, what: str, why: str = "", seconds: float | None = None) -> None:
        """One step has ended; its time is since the one before unless given."""
        now = time.monotonic()
        took = now - self._last if seconds is None else seconds
        self._last = now
        self.steps.append((self.chapter, what, why, took))
        print(f"  {took:5.1f} s  {what}" + (f"\n           {why}" if why else ""), flush=True)

    def until(self, look: Callable[[], T | None], what: str, *, within_seconds: float = 120.0) -> T:
        """Ask until there is an answer; `NotAsTold` names what did not come."""
        deadline = time.monotonic() + within_seconds
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise NotAsTold(
                    f"{what} did not happen within {within_seconds:.0f} s.", next="read the logs named below"
                )
            time.sleep(ASK_EVERY_SECONDS)
        return found

    def expect(self, true: bool, what: str) -> None:
        """The story depends on this."""
        if not true:
            raise NotAsTold(f"it should be that {what}.", next="read the logs named below")

    def report(self, file: Path, summary: list[str]) -> None:
        """Write the story as a page."""
        rows = "".join(
            f'<tr><td>{escape(chapter)}</td><td>{escape(what)}<br><small>{escape(why)}</small></td><td class="n">{took:.1f} s</td></tr>'
            for chapter, what, why, took in self.steps
        )
        told = "".join(f"<li>{escape(line)}</li>" for line in summary)
        file.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Baton demo</title><style>{STYLE}</style>'
            f"<h1>Baton demo</h1><ol>{told}</ol><table><caption>Every step, as it happened</caption>"
            f'<tr><th scope="col">part</th><th scope="col">step</th><th scope="col">time</th></tr>{rows}</table></html>',
            encoding="utf-8",
        )
