"""The journal: its lines and segments, who checks and exports them, and how they rebuild the ledger."""
