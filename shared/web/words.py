"""Numbers and times as people read them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MINUS = "\N{MINUS SIGN}"
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def number(value: float) -> str:
    """Four or more digits of a number, with a true minus sign.

    >>> number(-99.6), number(2950.1049), number(88.0), number(1234567)
    ('−99.6', '2950.1', '88', '1234567')
    """
    shown = f"{value:.0f}" if abs(value) >= 1e5 else f"{value:.5g}"
    return shown.replace("-", MINUS)


def span(length: timedelta) -> str:
    """A length of time in its two largest units.

    >>> span(timedelta(seconds=42)), span(timedelta(minutes=135)), span(timedelta(days=3))
    ('42 s', '2 h 15 min', '3 d')
    """
    left = int(abs(length.total_seconds()))
    parts = []
    for unit, seconds in UNITS:
        count, left = divmod(left, seconds)
        parts.append((count, unit))
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count or first == len(parts) - 1)


def distance(moment: datetime, now: datetime) -> str:
    """How far a moment is from now.

    >>> now = datetime(2026, 11, 24, tzinfo=UTC)
    >>> distance(now - timedelta(minutes=4), now), distance(now + timedelta(hours=72), now)
    ('4 min ago', 'in 3 d')
    """
    away = moment - now
    if abs(away) < timedelta(seconds=1):
        return "now"
    rough = timedelta(minutes=abs(away) // timedelta(minutes=1)) if abs(away) > timedelta(minutes=10) else away
    return f"in {span(rough)}" if away > timedelta(0) else f"{span(rough)} ago"


def clock(moment: datetime) -> str:
    """A moment to the second, in UTC.

    >>> clock(datetime(2026, 11, 24, 0, 3, 9, tzinfo=UTC))
    '24 Nov 2026, 00:03:09 UTC'
    """
    return f"{moment.astimezone(UTC):%d %b %Y, %H:%M:%S} UTC"


def brief(moment: datetime) -> str:
    """A moment for lists, where the caption says that times are UTC.

    >>> brief(datetime(2026, 11, 24, 0, 3, 9, tzinfo=UTC))
    '24 Nov, 00:03:09'
    """
    return f"{moment.astimezone(UTC):%d %b, %H:%M:%S}"


def count(how_many: int, what: str) -> str:
    """A counted noun.

    >>> count(1, "dead letter"), count(2, "dead letter")
    ('1 dead letter', '2 dead letters')
    """
    return f"{how_many} {what}{'' if how_many == 1 else 's'}"
