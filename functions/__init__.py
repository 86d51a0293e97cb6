"""Triggers: each parses, calls once, and is done."""
