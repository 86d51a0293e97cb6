"""Triggers of the function app: each one is a call into `shared`."""
