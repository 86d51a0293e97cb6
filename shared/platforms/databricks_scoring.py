"""One request to a serving endpoint, and what it answered: an HTTP error is an answer here, so the SDK's call is not used.

`/serving-endpoints/<endpoint>/invocations`, or `.../served-models/<name>/invocations` for one deployment (Databricks'
documentation, "Serve multiple models to a model serving endpoint"). Who answered stands in the answer itself.
"""

from __future__ import annotations

import json
import time

from shared.platforms.databricks_errors import OLD_TOKEN, NotThere
from shared.platforms.databricks_service import REQUEST_SECONDS, Workspace
from shared.platforms.port import Scored


class Unauthenticated(Exception):
    """A token that the endpoint does not take; named as the SDK's own error is, so that the door fetches a new one, once."""


def score(endpoint: str, body: str, deployment: str, workspace: Workspace) -> Scored:
    """The answer of the endpoint, or of the deployment that is named; `NotThere` only if there is no such endpoint."""
    import requests

    config = workspace.client.config
    pinned = f"/served-models/{deployment}" if deployment else ""
    url = f"{config.host}/serving-endpoints/{endpoint}{pinned}/invocations"
    asked = {"dataframe_records": [{"body": body}]}
    began = time.perf_counter()
    answer = requests.post(url, json=asked, headers=config.authenticate(), timeout=REQUEST_SECONDS)
    seconds = time.perf_counter() - began
    if answer.status_code == 401 or (answer.status_code == 403 and any(words in answer.text for words in OLD_TOKEN)):
        raise Unauthenticated(f"Invalid access token for {endpoint}")
    if answer.status_code == 404 and "RESOURCE_DOES_NOT_EXIST" in answer.text and not deployment:
        raise NotThere(f"there is no endpoint {endpoint}.", next="deploy a version first")
    return unwrapped(answer.status_code, answer.text, seconds)


def unwrapped(status: int, text: str, seconds: float) -> Scored:
    """What score.py answered, out of the pyfunc's; the endpoint's own answer if it is none of Baton's.

    >>> unwrapped(200, '{"predictions": [{"status": 400, "body": "{}", "version": "7", "deployment": "a-0001"}]}', 0.1)
    Scored(status=400, body='{}', version='7', deployment='a-0001', seconds=0.1)
    >>> unwrapped(504, 'upstream request timeout', 40.0)
    Scored(status=504, body='upstream request timeout', version='', deployment='', seconds=40.0)
    """
    try:
        (one,) = json.loads(text)["predictions"]
        said = Scored(int(one["status"]), str(one["body"]), str(one["version"]), str(one["deployment"]), seconds)
    except (ValueError, TypeError, KeyError):
        return Scored(status, text, "", "", seconds)
    return said if status == 200 else Scored(status, text, "", "", seconds)
