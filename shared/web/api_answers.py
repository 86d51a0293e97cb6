"""The answers of the API: JSON, and where to ask again for what goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from starlette.responses import Response

from shared.web import requests


def answer(body: object, status: int = 200) -> Response:
    """A JSON answer; times become ISO 8601."""
    text = json.dumps(body, default=_plain, ensure_ascii=False)
    return Response(text, status, media_type="application/json")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def again(where: str) -> Mapping[str, str]:
    """The headers of a 202 that says where and when to ask again."""
    return {"location": where, "retry-after": str(requests.AGAIN_SECONDS)}
