"""scan.py runs in an environment of its own."""

collect_ignore = ["scan.py"]
