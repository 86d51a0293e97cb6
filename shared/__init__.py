"""Baton, the product: what happened, what to do about it, and the thin edges that do it."""
