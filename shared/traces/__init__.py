"""Traces: where one event led, carried in the rows, and the spans that are told of it to whoever listens."""
