"""The `baton` command: it parses, calls the web API or reads, and decides nothing."""
