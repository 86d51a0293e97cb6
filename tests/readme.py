"""The README's drawing of the chain: `python -m tests.readme` writes it again from shared/chain.py."""

from __future__ import annotations

import re

from shared import chain
from tests.documents import ROOT

README = ROOT / "README.md"
DRAWING = re.compile(r"(<!-- chain: [^>]*-->\n).*?(<!-- /chain -->)", re.DOTALL)


def redrawn(text: str) -> str:
    """The same document with the drawing that shared/chain.py makes today."""
    return DRAWING.sub(lambda found: f"{found[1]}```mermaid\n{chain.mermaid()}\n```\n{found[2]}", text)


def main() -> None:
    """Write README.md."""
    README.write_text(redrawn(README.read_text()))


if __name__ == "__main__":
    main()
