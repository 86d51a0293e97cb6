"""The log as the host forwards it: `<time> LEVEL message`, the app's messages untouched."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

SDK_LOGGERS = ("azure", "aiohttp", "urllib3", "asyncio", "httpx", "httpcore", "msrest", "adal", "mlflow", "alembic")


class HostFormatter(logging.Formatter):
    """One line a record: UTC time, level, message. The lines of a traceback are indented below it."""

    def format(self, record: logging.LogRecord) -> str:
        """Format as `2026-01-01T00:00:00.000Z INFO  message`."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = f"{when} {record.levelname:<5} {record.getMessage()}"
        if record.exc_info:
            line += ("\n" + self.formatException(record.exc_info)).replace("\n", "\n    ")
        return line


def log_to_stderr(environment: Mapping[str, str]) -> None:
    """Send all records to stderr: INFO and above, DEBUG too with PYTHON_ENABLE_DEBUG_LOGGING=1; SDKs from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(HostFormatter())
    debug = environment.get("PYTHON_ENABLE_DEBUG_LOGGING", "") in ("1", "true", "True")
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler], force=True)
    for name in SDK_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
