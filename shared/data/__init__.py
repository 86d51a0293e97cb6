"""The data path: contract, check, split, versions and drift."""
