"""Histories in which people, strangers, outages and deadlines come in any order: a small model says how they may end."""

from __future__ import annotations

from tests.histories.draw import Draw
from tests.histories.history import History, Step

LATE = (0, 1, 31, 31, 95, 95, 300, 900, 2400, 90_000)


class People(Draw):
    """Thirty acts of people, strangers and the platform, in any order."""

    def history(self) -> History:
        for model in self.models:
            self.steps += [Step("publish", (model,)), Step("settle", (model,))]
        for _ in range(self.chance.randint(10, 45)):
            self.act(self.chance.choice(self.models))
            for _ in range(self.chance.choice((0, 1, 1, 2))):
                self.add("settle", self.chance.choice(self.models), fault_share=0.35)
            if self.chance.random() < 0.6:
                self.steps.append(Step("wait", (str(self.chance.choice(LATE)),)))
        return History("people", self.seed, tuple(self.steps), self.skews())

    def act(self, model: str) -> None:
        """One thing that happens, to one model."""
        kind = self.chance.choice(
            ("drop",) * 5
            + ("approve",) * 6
            + ("again", "again", "drift", "register", "foreign", "deployed", "forged", "publish", "reject", "retry")
            + ("rollback", "rollback", "pause", "resume", "resume", "retrain", "errors", "outage", "recover", "recover")
            + ("doom", "doom", "hand", "approve-as-author", "forge-approval", "silent", "lose", "sweep", "restart")
        )
        told = {
            "errors": lambda: (model, self.chance.choice(("0", "20"))),
            "outage": lambda: (self.chance.choice(("trainer", "registry", "endpoints")),),
            "doom": lambda: (
                model,
                self.chance.choice(("train", "judge", "certify")),
                self.chance.choice(("fails", "hangs")),
            ),
            "hand": lambda: (model, *(str(self.chance.randint(0, 3)) for _ in range(self.chance.choice((1, 2))))),
            "publish": lambda: (
                model,
                f"alpha={self.chance.randint(1, 4)}",
                f"adopt={self.chance.choice(('always', 'never'))}",
            ),
            **dict.fromkeys(("recover", "sweep", "restart"), lambda: ()),
        }
        if kind == "drop":
            self.drop(model)
        elif kind == "again":
            self.again()
        elif kind in ("drift", "register", "foreign", "deployed", "forged"):
            name = self.name(kind)
            self.add(kind, name, model)
            self.add("deliver", name, fault_share=0.3)
        elif kind == "hand" and self.chance.random() < 0.7:
            return
        else:
            self.add(kind, *told.get(kind, lambda: (model,))(), fault_share=0.3)

    def drop(self, model: str) -> None:
        """A file, sometimes over another one, sometimes with the bytes of another one, sometimes bad."""
        name = self.name("drop")
        content = "bad rows" if self.chance.random() < 0.15 else f"rows {self.chance.randint(1, 30)}"
        self.add("drop", name, model, f"f{self.chance.randint(1, 12)}.csv", content)
        self.add("deliver", name, fault_share=0.3)

    def again(self) -> None:
        """An event that was delivered comes once more, perhaps much later, perhaps under another id."""
        names = [step.words[0] for step in self.steps if step.act == "deliver"]
        if names:
            self.add(
                "deliver",
                self.chance.choice(names),
                *(("new-id",) if self.chance.random() < 0.4 else ()),
                fault_share=0.2,
            )
