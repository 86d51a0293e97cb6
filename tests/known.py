"""A version whose answers are known, for tests of the checks of a certificate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shared.runs.check_one import Row, Subject

Model = Callable[[Row], Any]


class Known(Subject):
    """A version that answers as a function says; it refuses what the function raises `ValueError` for."""

    def __init__(
        self,
        rows: Sequence[Row],
        model: Model,
        /,
        *,
        champion: Model | None = None,
        also: Any = None,
        trained: Any = None,
        pythons: Any = None,
        classes: Sequence[str] = (),
        **parameters: str,
    ) -> None:
        asked = {
            "name": "known",
            "folder": ".",
            "model": ".",
            "rows": list(rows),
            "of": len(rows),
            "trained": trained,
            "target": "Y",
            "features": [column for column in rows[0] if column not in ("ID", "Y")],
            "classes": list(classes),
            "parameters": parameters,
            "pythons": pythons or {},
            "champion": champion and {},
        }
        super().__init__(asked)
        self._model, self._champion, self._also = model, champion, also or {}

    def ask(self, rows: Sequence[Row]) -> tuple[int, dict[str, Any] | str]:
        assert not any("Y" in self._sent(row) for row in rows)
        try:
            answer = {"predictions": [self._model(row) for row in rows]}
        except ValueError as error:
            return 400, str(error)
        except ZeroDivisionError:
            return 500, "Internal Server Error"
        return 200, answer | {name: [each(row) for row in rows] for name, each in self._also.items()}

    def score_champion(self, rows: Sequence[Row]) -> list[Any]:
        assert self._champion is not None
        return [self._champion(row) for row in rows]


def value(found: dict[str, Any], measure: str, part: str = "value") -> float:
    given = found["measures"][measure]
    return round(given[part] if isinstance(given, dict) else given, 9)
