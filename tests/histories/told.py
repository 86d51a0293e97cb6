"""What a model's journal tells, and the rows that stand beside it, for the oracles to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.histories.stage import Stage

ALL = 10**9


class Told:
    """What the journal of one model says, line by line, read as plain JSON."""

    def __init__(self, stage: Stage, model: str) -> None:
        self.stage = stage
        self.model = model
        self.text = stage.world.app.book.journal(model, limit=ALL)
        self.lines = [json.loads(line) for line in self.text]
        self.commands = {number: (kind, of) for line in self.lines for number, kind, of in line["commands"]}

    def rows(self, prefix: str, before: str = "") -> dict[str, Mapping[str, Any]]:
        """The stored rows under a prefix, by what follows it in their keys."""
        table = self.stage.world.table
        keys = table.rows.between(self.model, prefix, before or prefix + "~", ALL)
        return {key.removeprefix(prefix): json.loads(table.rows[(self.model, key)][0]) for key in keys}

    def events(self, *kinds: str) -> Iterator[Mapping[str, Any]]:
        """The events of these kinds that were decided, in order."""
        for line in self.lines:
            if line["event"]["kind"] in kinds and line["answer"] != "early":
                yield line["event"]
