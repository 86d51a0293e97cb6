"""The generated parts of docs/guarantees.md: `python -m tests.guarantees` searches, counts and writes them again."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from pathlib import Path

from tests.crashes.matrix import FAULTS, prepare
from tests.crashes.scenes import SCENES
from tests.documents import ROOT
from tests.exhaustive.test_search import SUMMARY, search, summary

DOCUMENT = ROOT / "docs" / "guarantees.md"


def with_block(text: str, name: str, body: str) -> str:
    """The document with this body in its block `name`."""
    block = re.compile(rf"(<!-- {name}: [^>]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return block.sub(lambda found: f"{found[1]}{body}\n{found[2]}", text)


def states() -> str:
    """The diagram of the ways that the search saw, with the events that caused them."""
    found = json.loads(SUMMARY.read_text())
    lines = [
        f"{found['moments']:,} moments, {found['steps']:,} steps between them.",
        "",
        "```mermaid",
        "stateDiagram-v2",
    ]
    for way, events in found["ways"].items():
        before, after = (state.strip().replace(" ", "_") or "[*]" for state in way.split("->"))
        lines.append(f"    {before} --> {after}: {', '.join(events)}")
    return "\n".join([*lines, "```"])


def crashes() -> str:
    """How many cells each event kind has, by the call at which something goes wrong."""
    with tempfile.TemporaryDirectory() as home:
        counted = {kind: Counter(prepare(kind, Path(home) / kind).calls) for kind in sorted(SCENES)}
    total = sum(sum(calls.values()) for calls in counted.values()) * len(FAULTS)
    lines = [f"{total:,} cells: every call below, times {len(FAULTS)} faults ({', '.join(FAULTS)}).", ""]
    lines += ["| event | cells | calls on its way |", "|---|---|---|"]
    for kind, calls in counted.items():
        told = ", ".join(f"{call} {count}" for call, count in sorted(calls.items()))
        lines.append(f"| {kind} | {sum(calls.values()) * len(FAULTS)} | {told} |")
    return "\n".join(lines)


def redrawn(text: str) -> str:
    """The document with both blocks as the code makes them today."""
    return with_block(with_block(text, "states", states()), "crashes", crashes())


def main() -> None:
    """Search, then write the summary and the document."""
    SUMMARY.write_text(json.dumps(summary(search()), indent=1) + "\n")
    DOCUMENT.write_text(redrawn(DOCUMENT.read_text()))


if __name__ == "__main__":
    main()
