"""Made-up data for the example models: row n is the same each time, so parts of it do not overlap.

What is spoiled by `mixed_up` keeps its contract, and only rows that training sees are in it: a model that learned from it is
worse on rows that nobody spoiled.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from datetime import date, timedelta

from shared.data.split import is_holdout

Row = dict[str, object]

SEED = 7
LOANS = 20_000
PEOPLE = 5_000
DAYS = 1_400
BEGIN = date(2022, 1, 3)
HELD_PERCENT = 20
AGES, REGIONS = ("18-29", "30-49", "50+"), ("north", "south", "east", "west")
PURPOSES = {"car": -0.5, "home": -1.0, "study": 0.2, "debts": 1.1, "travel": 0.5, "business": 0.3}
GENRES = ("action", "comedy", "drama", "documentary", "horror")
SHOPS = {"ulm": 90.0, "bonn": 210.0, "kiel": 45.0, "gera": 130.0}
SHOP_DAYS = len(SHOPS) * DAYS
WEEKDAYS = (0.8, 0.85, 0.9, 1.0, 1.25, 1.6, 0.5)


def loans(first: int = 1, end: int = LOANS + 1) -> list[Row]:
    """Loans number `first` to before `end`; about three of ten end in a default."""
    return [_loan(number) for number in range(first, end)]


def _loan(number: int) -> Row:
    import numpy as np

    draw = np.random.default_rng([SEED, number])
    age, region = AGES[draw.choice(3, p=(0.3, 0.5, 0.2))], REGIONS[draw.integers(4)]
    purpose = list(PURPOSES)[draw.integers(len(PURPOSES))]
    income, amount = math.exp(draw.normal(3.7, 0.45)), math.exp(draw.normal(2.6, 0.7))
    term, late = int(draw.choice((12, 24, 36, 48, 60))), int(draw.poisson(0.8))
    burden = amount / income * 36 / term
    odds = -2.2 + 1.4 * math.log1p(3 * burden) + 0.75 * late + PURPOSES[purpose]
    odds += 0.5 * (age == "18-29") + 0.3 * (region == "east") - 0.35 * (late > 0 and age == "50+")
    defaulted = draw.random() < 1 / (1 + math.exp(-odds))
    return {
        "LOAN": number,
        "AGE_GROUP": age,
        "REGION": region,
        "PURPOSE": purpose,
        "INCOME": round(income, 1),
        "AMOUNT": round(max(amount, 0.1), 1),
        "TERM": term,
        "LATE": late,
        "OUTCOME": "defaulted" if defaulted else "repaid",
    }


def films(first: int = 1, end: int = PEOPLE + 1) -> list[Row]:
    """What people number `first` to before `end` were offered: 1 to 12 films each, one of which is all that some saw."""
    return [row for number in range(first, end) for row in _offers(number)]


def _offers(number: int) -> list[Row]:
    import numpy as np

    draw = np.random.default_rng([SEED, 1, number])
    taste = {
        name: round(float(value), 2) for name, value in zip(("ACTION", "COMEDY", "DRAMA"), draw.random(3), strict=True)
    }
    offered = draw.choice(900, size=int(draw.integers(1, 13)), replace=False) + 1
    return [_offer(number, int(film), taste, float(draw.normal(0, 1.3))) for film in sorted(offered)]


def _offer(number: int, film: int, taste: dict[str, float], chance: float) -> Row:
    import numpy as np

    draw = np.random.default_rng([SEED, 2, film])
    genre, seen = GENRES[draw.integers(len(GENRES))], round(float(draw.beta(2, 5)), 3)
    year, minutes = int(draw.integers(1970, 2026)), int(draw.integers(80, 190))
    worth = 1.2 + 3.0 * taste.get(genre.upper(), 0.4) * (1 if genre.upper() in taste else 0.5) + 1.5 * seen
    worth += 0.02 * (year - 2000) - 0.008 * (minutes - 110) * (1.5 - taste["DRAMA"]) + chance
    stars = int(min(5, max(0, round(worth))))
    return {
        "USER": number,
        "FILM": film,
        **taste,
        "GENRE": genre,
        "YEAR": year,
        "MINUTES": minutes,
        "SEEN": seen,
        "STARS": stars,
    }


def demand(first: int = 1, end: int = SHOP_DAYS + 1) -> list[Row]:
    """Days of shops number `first` to before `end`: 1,400 days of the first shop, then those of the next."""
    every = [row for shop in SHOPS for row in _days(shop)]
    return every[first - 1 : end - 1]


@functools.cache
def _days(shop: str) -> tuple[Row, ...]:
    import numpy as np

    before = 42
    draw = np.random.default_rng([SEED, 3, list(SHOPS).index(shop)])
    days = [BEGIN + timedelta(days=number - before) for number in range(DAYS + before)]
    season = np.array([math.cos(2 * math.pi * day.timetuple().tm_yday / 365.25) for day in days])
    degrees = np.round(11 - 9 * season + draw.normal(0, 3, len(days)), 1)
    promoted = draw.random(len(days)) < 0.12
    level = SHOPS[shop] * (1 + 0.15 * season) * np.array([WEEKDAYS[day.weekday()] for day in days])
    level = level * (1 + 0.45 * promoted) * (1 + 0.008 * (degrees - 11))
    sold = np.round(level * np.exp(draw.normal(0, 0.12, len(days))))
    return tuple(
        {
            "SHOP": shop,
            "DAY": days[at].isoformat(),
            "PROMOTION": int(promoted[at]),
            "DEGREES": float(degrees[at]),
            "SOLD_7": int(sold[at - 7]),
            "SOLD_14": int(sold[at - 14]),
            "MEAN_28": round(float(sold[at - 34 : at - 6].mean()), 1),
            "SOLD": int(sold[at]),
        }
        for at in range(before, len(days))
    )


def mixed_up_loans(rows: Sequence[Row]) -> list[Row]:
    """Outcomes taken for each other."""
    other = {"repaid": "defaulted", "defaulted": "repaid"}
    return [{**row, "OUTCOME": other[str(row["OUTCOME"])]} for row in rows if not _held(str(row["LOAN"]))]


def mixed_up_films(rows: Sequence[Row]) -> list[Row]:
    """Stars counted from the wrong end."""
    return [{**row, "STARS": 5 - int(str(row["STARS"]))} for row in rows if not _held(str(row["USER"]))]


def mixed_up_demand(rows: Sequence[Row]) -> list[Row]:
    """Sales counted in boxes of ten."""
    return [{**row, "SOLD": int(str(row["SOLD"])) // 10} for row in rows if not _held(_week(str(row["DAY"])))]


def _held(key: str) -> bool:
    return is_holdout([key], HELD_PERCENT)


def _week(day: str) -> str:
    """The number of the week counted from 1970, as `data.block_days: 7` cuts them."""
    return str((date.fromisoformat(day) - date(1970, 1, 1)).days // 7)
