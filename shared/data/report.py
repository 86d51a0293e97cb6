"""placeholder until landed"""
from shared.data.verdict import Verdict
import json
def to_html(verdict: Verdict, *, title: str) -> str: return title
def to_json(verdict: Verdict) -> str: return json.dumps(verdict.to_dict())
