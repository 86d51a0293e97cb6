"""Pages and API: one HTTP function in front of a small web application."""

from __future__ import annotations

import azure.functions as func

from shared import log, wiring

bp = func.Blueprint()


@bp.function_name("web")
@bp.route(
    route="{*path}",
    methods=[func.HttpMethod.GET, func.HttpMethod.POST, func.HttpMethod.HEAD],
    auth_level=func.AuthLevel.ANONYMOUS,
)
async def web(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer one request; who may do what is decided inside."""
    log.belongs_to(context)
    answer: func.HttpResponse = await wiring.pages().handle_async(req, context)
    return answer
