"""Our default policy, and the recommended one, against "every day", "every drop" and "PSI > 0.2" on pasts with known changes.

    .venv/bin/python -m tests.policies

plays every past with three seeds on the stated terms, and writes the table in docs/retraining.md and docs/retraining.svg.
About half a minute on one core.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from shared.whatif import synthetic
from shared.whatif.deciders import AtLimit, EveryDay, EveryDrop, OurPolicy
from shared.whatif.picture import picture, together
from shared.whatif.play import Decider, Played, Terms, play
from shared.whatif.policies import RECOMMENDED, of_folder, with_policy

ROOT = Path(__file__).resolve().parents[2]
PAGE, PICTURE = ROOT / "docs/retraining.md", ROOT / "docs/retraining.svg"
SEEDS = (1, 2, 3)
OURS = "default"
DRAWN = ("nothing", "sudden", "hidden", "harmless")
TERMS = Terms()
PRICES = (0.05, 0.5, 5.0)
MARKS = re.compile(r"(<!-- measured -->\n).*?(<!-- /measured -->)", re.DOTALL)


def policies() -> Mapping[str, Callable[[synthetic.Synthetic], Decider]]:
    """The five that are compared; the template says nothing of retraining."""
    template = ROOT / "cli/template"
    usual, advised = of_folder(template), with_policy(template, RECOMMENDED)
    return {
        OURS: lambda past: OurPolicy(usual, past.begin, past.alerts_from),
        RECOMMENDED: lambda past: OurPolicy(advised, past.begin, past.alerts_from),
        "every day": lambda past: EveryDay(past.begin),
        "every drop": lambda past: EveryDrop(),
        "PSI > 0.2": lambda past: AtLimit(0.2),
    }


def measure(seeds: Sequence[int] = SEEDS) -> dict[str, dict[str, list[Played]]]:
    """What each policy did, by past and policy, one for each seed."""
    found: dict[str, dict[str, list[Played]]] = {}
    for seed in seeds:
        for past in synthetic.pasts(seed):
            for name, make in policies().items():
                played = play(past, make(past), policy=name, terms=TERMS)
                found.setdefault(past.name, {}).setdefault(name, []).append(played)
    return found


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def cost(played: Sequence[Played], terms: Terms) -> float:
    return mean([one.cost(terms) for one in played])


def table(found: Mapping[str, Mapping[str, Sequence[Played]]]) -> list[str]:
    """A row for each past and policy, the cheapest policy of a past in bold."""
    rows = [
        "| past | policy | trainings | useless | money | hours stale | loss | cost |",
        "|---|---|---|---|---|---|---|---|",
    ]
    told = {name: words for name, words, *_ in synthetic.PASTS}
    for past, by_policy in found.items():
        least = min(cost(played, TERMS) for played in by_policy.values())
        for place, (name, played) in enumerate(by_policy.items()):
            mark = "**" if cost(played, TERMS) == least else ""
            cells = [
                f"{told[past]} (`{past}`)" if place == 0 else "",
                name,
                f"{mean([len(one.attempts) for one in played]):.0f}",
                f"{mean([one.false for one in played]):.0f}",
                f"{mean([one.money(TERMS) for one in played]):.0f}",
                f"{mean([one.stale_hours for one in played]):.0f}",
                f"{mean([one.lost * TERMS.stale_hour for one in played]):.0f}",
                f"{mark}{cost(played, TERMS):.0f}{mark}",
            ]
            rows.append(f"| {' | '.join(cells)} |")
    return rows


def totals(found: Mapping[str, Mapping[str, Sequence[Played]]]) -> list[str]:
    """The cost over all pasts, where a minute of training is cheap, as stated, and dear."""
    names = list(policies())
    rows = [f"| a minute costs | {' | '.join(names)} |", f"|---{'|---' * len(names)}|"]
    for price in PRICES:
        terms = replace(TERMS, price_per_minute=price)
        sums = [sum(cost(by_policy[name], terms) for by_policy in found.values()) for name in names]
        cells = [f"**{one:.0f}**" if one == min(sums) else f"{one:.0f}" for one in sums]
        rows.append(f"| {price:g} | {' | '.join(cells)} |")
    return rows


def loses(found: Mapping[str, Mapping[str, Sequence[Played]]]) -> list[str]:
    """Where another policy is cheaper than ours, and by how much."""
    said = []
    for past, by_policy in found.items():
        ours = cost(by_policy[OURS], TERMS)
        others = [(cost(played, TERMS), name) for name, played in by_policy.items() if name != RECOMMENDED]
        cheaper = [(other, name) for other, name in others if other < ours]
        said += [f"`{past}`: {name} costs {other:.0f}, ours {ours:.0f}" for other, name in sorted(cheaper)[:1]]
    return said


def page(found: Mapping[str, Mapping[str, Sequence[Played]]]) -> str:
    """What stands in docs/retraining.md between the marks."""
    lost = loses(found)
    where = "; ".join(lost) if lost else "nowhere on these pasts"
    return "\n".join(
        [*table(found), "", "All pasts together:", "", *totals(found), "", f"Where it loses: {where}.", ""]
    )


def main() -> None:
    """Measure, and write the page and the picture."""
    found = measure()
    PAGE.write_text(MARKS.sub(lambda match: f"{match[1]}{page(found)}{match[2]}", PAGE.read_text()))
    drawn = [past for past in synthetic.pasts() if past.name in DRAWN]
    by_past = {
        past.name: [played[0] for name, played in found[past.name].items() if name != RECOMMENDED] for past in drawn
    }
    shown = [picture(past, past.told, by_past[past.name], TERMS) for past in drawn]
    PICTURE.write_text(together(shown))
    print(page(found))


if __name__ == "__main__":
    main()
