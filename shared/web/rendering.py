"""Templates and static files: read once, rendered with everything escaped."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jinja2
from starlette.requests import Request
from starlette.responses import Response

from shared.names import digest
from shared.web import views, words
from shared.web.answers import NotFound

WEB = Path(__file__).resolve().parents[2] / "web"
STATIC_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
A_YEAR = "public, max-age=31536000, immutable"


class Renderer:
    """Renders the templates of `web/templates` and serves `web/static`, whose addresses change with their content."""

    def __init__(self, *, clock: Callable[[], datetime], folder: Path = WEB) -> None:
        self._clock = clock
        self._static = {file.name: file.read_bytes() for file in (folder / "static").iterdir()}
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            static=self._address,
            kind_of=views.kind_of,
            shapes=views.SHAPES,
            outcome=views.outcome,
            causes_of=views.causes_of,
            last_change=views.last_change,
            count=words.count,
            ticket=lambda: uuid.uuid4().hex,
        )
        self._templates.filters |= {
            "number": words.number,
            "clock": words.clock,
            "brief": words.brief,
            "distance": words.distance,
            "span": words.span,
            "minutes": lambda count: words.span(timedelta(minutes=count)),
        }

    def page(self, request: Request, template: str, *, status: int = 200, **values: object) -> Response:
        """A page. `person` is who is signed in (None: nobody), `now` the time of the page."""
        known = {"person": None, "form_token": "", "now": self._clock().astimezone(UTC), "path": request.url.path}
        values = {**known, "nonce": request.state.nonce, **values}
        return Response(self._templates.get_template(template).render(values), status, media_type="text/html")

    def static(self, request: Request) -> Response:
        """One static file, for as long as its address stands."""
        name = request.path_params["name"]
        if name not in self._static:
            raise NotFound(f"There is no file {name[:100]!r}.", next="load the page again")
        kind = STATIC_TYPES.get(Path(name).suffix, "application/octet-stream")
        return Response(self._static[name], headers={"content-type": kind, "cache-control": A_YEAR})

    def _address(self, name: str) -> str:
        return f"/static/{name}?v={digest(self._static[name])[:12]}"
