"""Reports of a verdict: for a person as HTML, for a script as JSON."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from shared.data.report import to_html, to_json
from shared.data.verdict import Problem, Verdict


def verdict_with(*samples: str, severity: str = "error") -> Verdict:
    problem = Problem("maximum", "AGE", 12, tuple(range(1, 11)), samples, "AGE: too <old>", "correct & send", severity)  # type: ignore[arg-type]
    return Verdict(severity != "error", "ab" * 32, 48, ("ID", "AGE"), (problem,))


class Text(HTMLParser):
    """The text of a page, and the tags that could load or run something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loading: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name for name, _ in attrs}
        if tag in {"script", "img", "link", "iframe"} or named & {"src", "href"}:
            self.loading.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def test_the_page_begins_with_the_answer_and_tells_each_rule_with_its_remedy() -> None:
    text = Text(to_html(verdict_with("1000"), title="incoming/x.csv")).text
    for told in ("✕ refused", "AGE: too <old>", "12 of 48 (25.0 %)", "1, 2, 3", "1000", "correct & send"):
        assert told in text


def test_what_stood_in_the_file_stays_text() -> None:
    page = Text(to_html(verdict_with("<script>alert(1)</script>"), title="<img src=x>"))
    assert "<script>alert(1)</script>" in page.text
    assert page.loading == []


def test_a_value_that_a_spreadsheet_would_run_is_disarmed() -> None:
    text = Text(to_html(verdict_with("=1+1", "-3.5"), title="x")).text
    assert "'=1+1" in text
    assert "'-3.5" not in text


def test_an_accepted_file_says_so() -> None:
    text = Text(to_html(verdict_with(severity="warning"), title="x")).text
    assert "✓ accepted" in text
    assert "48 rows accepted, 1 warning" in text


def test_the_json_is_the_stored_verdict() -> None:
    verdict = verdict_with("x")
    assert Verdict.from_dict(json.loads(to_json(verdict))) == verdict
