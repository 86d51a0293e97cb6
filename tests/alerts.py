"""Alerts and workbook for Azure Monitor: `python -m tests.alerts` writes them into infra/ from the records of shared/watching/alerts.py."""

from __future__ import annotations

import json
from typing import Any

from shared.watching.alerts import ALERTS, Alert
from tests.bicep import INFRA

RULES, WORKBOOK = INFRA / "alerts.json", INFRA / "workbook.json"
LINES = "AppTraces\n| where TimeGenerated > ago(1d)"
RELEASE = 'extend release = extract(" release=([^ ]+)", 1, Message), model = extract(" model=([^ ]+)", 1, Message)'
STANDING = ("models", "open", "waiting", "stuck", "dead", "oldest_seconds")
SPENT = ("releases_day", "run_minutes_day", "run_minutes_month")
STATES = 'coalesce(extract(" states=\\"([^\\"]+)\\"", 1, Message), extract(" states=([^ \\"]+)", 1, Message))'
# What the workbook shows beside the alerts: (title, query).
PANELS: tuple[tuple[str, str], ...] = (
    (
        "Where everything stands",
        "\n| ".join(
            [
                LINES,
                'where Message startswith_cs "sweep done  "',
                "extend " + ", ".join(f'{name} = toint(extract(" {name}=([0-9]+)", 1, Message))' for name in STANDING),
                f"extend states = {STATES}",
                f"project TimeGenerated, {', '.join(STANDING)}, states",
                "order by TimeGenerated desc",
            ]
        ),
    ),
    (
        "What waits for a person",
        "\n| ".join(
            [
                LINES,
                "where SeverityLevel >= 3",
                f'{RELEASE}, todo = extract("next=\\"([^\\"]+)\\"", 1, Message)',
                "summarize lines = count(), last_at = max(TimeGenerated) by model, release, todo",
                "order by last_at desc",
            ]
        ),
    ),
    (
        "Held, by the rule that said no",
        "\n| ".join(
            [
                LINES,
                'where Message startswith_cs "release held  "',
                'extend rule = extract(" rule=([^ ]+)", 1, Message)',
                "summarize releases = count() by rule",
                "order by releases desc",
            ]
        ),
    ),
    (
        "Trainings, and the seconds that they took",
        "\n| ".join(
            [
                LINES,
                'where Message startswith_cs "candidate trained  "',
                'extend model = extract(" model=([^ ]+)", 1, Message)',
                'extend seconds = todouble(extract(" seconds=([-0-9.e+]+)", 1, Message))',
                "summarize trainings = count(), seconds = sum(seconds) by model, bin(TimeGenerated, 1h)",
                "order by TimeGenerated asc",
            ]
        ),
    ),
    (
        "Releases opened, and minutes that runs took, in the last 24 hours and 30 days",
        "\n| ".join(
            [
                LINES,
                'where Message startswith_cs "sweep done  "',
                "extend "
                + ", ".join(f'{name} = todouble(extract(" {name}=([-0-9.e+]+)", 1, Message))' for name in SPENT),
                f"summarize {', '.join(f'{name} = max({name})' for name in SPENT)} by bin(TimeGenerated, 1h)",
                "order by TimeGenerated asc",
            ]
        ),
    ),
    (
        "How releases ended",
        "\n| ".join(
            [
                LINES,
                'where Message matches regex "^release (live|held|rejected|expired|superseded|rolled back|failed)  "',
                'extend ended = extract("^release ([a-z ]+)  ", 1, Message)',
                "summarize releases = count() by ended, bin(TimeGenerated, 1h)",
                "order by TimeGenerated asc",
            ]
        ),
    ),
)


def rules() -> dict[str, Any]:
    """alerts.json: what the Bicep module loops over."""
    return {"alerts": [_rule(alert) for alert in ALERTS]}


def _rule(alert: Alert) -> dict[str, Any]:
    silent = alert.rule.fires_below_one
    return {
        "name": alert.name,
        "severity": alert.severity,
        "says": alert.says,
        "next": alert.next,
        "window": _minutes(alert.window_minutes),
        "every": _minutes(alert.every_minutes),
        "query": alert.kql,
        "operator": "LessThan" if silent else "GreaterThan",
        "threshold": 1 if silent else 0,
    }


def _minutes(count: int) -> str:
    """A duration as Azure Monitor wants it (ISO 8601).

    >>> _minutes(15), _minutes(120), _minutes(1440)
    ('PT15M', 'PT2H', 'P1D')
    """
    if count % 1440 == 0:
        return f"P{count // 1440}D"
    return f"PT{count // 60}H" if count % 60 == 0 else f"PT{count}M"


def workbook() -> dict[str, Any]:
    """workbook.json: a page of text and a table for each panel and each alert."""
    panels = [*PANELS, *((f"{alert.name}: {alert.says} ({alert.next})", alert.kql) for alert in ALERTS)]
    text = {"type": 1, "content": {"json": "# Baton\nEach table is one query; `docs/runbook.md` tells what to do."}}
    return {
        "version": "Notebook/1.0",
        "items": [text, *(_table(title, query) for title, query in panels)],
        "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
    }


def _table(title: str, query: str) -> dict[str, Any]:
    content = {
        "version": "KqlItem/1.0",
        "query": query,
        "size": 1,
        "title": title,
        "queryType": 0,
        "resourceType": "microsoft.operationalinsights/workspaces",
    }
    return {"type": 3, "content": content}


def written(value: dict[str, Any]) -> str:
    """As it stands in the file."""
    return json.dumps(value, indent=2) + "\n"


if __name__ == "__main__":
    RULES.write_text(written(rules()))
    WORKBOOK.write_text(written(workbook()))
