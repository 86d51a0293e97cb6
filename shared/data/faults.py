"""Faults of a document, gathered so that its writer hears of all at once."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass
class Faults:
    """Collects sentences `<element>: found ...; right would be ...` about one file."""

    file: str
    found: list[str] = field(default_factory=list)

    def add(self, where: str, what: str, right: str) -> None:
        """Note one fault of the element `where`."""
        self.found.append(f"{self.file}: {where}: {what}; right would be {right}.")

    def unknown(self, where: str, name: str, known: Collection[str]) -> None:
        """Note an entry that does not exist, with the nearest that does."""
        near = difflib.get_close_matches(name, known, 1)
        self.add(f"{where}.{name}".lstrip("."), "there is no such entry", near[0] if near else ", ".join(sorted(known)))
