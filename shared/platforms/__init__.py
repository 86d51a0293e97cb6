"""The ML platform behind small ports: `port.py` says what is needed, the other files supply it."""
