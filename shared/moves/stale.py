"""The two ways in which an event is not taken; raised by transitions, answered by `release.decide`."""

from __future__ import annotations


class Stale(Exception):
    """The event changes nothing any more; the message says why."""


class Early(Exception):
    """The event names what a command of ours is about to create; it is looked at again later."""
