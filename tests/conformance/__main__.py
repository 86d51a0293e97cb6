"""`python -m tests.conformance`: compare the local host with Microsoft's worker; no Python 3.13 is a failure."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    os.environ["BATON_REQUIRE_CONFORMANCE"] = "1"
    raise SystemExit(pytest.main([str(Path(__file__).parent), "-v", *sys.argv[1:]]))
