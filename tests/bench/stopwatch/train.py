"""Notes the time at its first line, then fails on purpose: the release ends, and its slot is free for the next drop."""

import time

BEGAN = time.time()

import argparse  # noqa: E402 - everything after the time
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--data", type=Path)
parser.add_argument("--model-dir", type=Path, required=True)
(parser.parse_args().model_dir / "began.txt").write_text(f"{BEGAN:.6f}")
sys.exit("stopped on purpose: only its start is measured")
