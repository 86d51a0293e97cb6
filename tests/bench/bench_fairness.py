"""What a flood of one model does to a person's wish for it and to the other models: times in one run, with and without.

250 files at once for one of 50 models, over the real host and Azurite. A roll-back that a person asks for meanwhile, from the
request to the traffic that is set, against the same with nothing else to do; and how long one event of each of the other
models waits for its decision.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from local.azurite import azurite
from tests.bench.figures import Figure, report
from tests.floods.rig import Rig, model_deployed, moment, rig, settled

FILES, OTHERS, ROUNDS = 250, 49, 5
TIMES_IDLE = 3.0


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="baton-bench-") as folder,
        azurite(Path(folder), in_memory=True) as running,
        rig(running.connection_string(), Path(folder)) as host,
    ):
        others = [f"other-{number:02d}" for number in range(OTHERS)]
        for model in others:
            host.publish(model)
        idle = [_roll_back(host, f"idle-{number}") for number in range(2 * ROUNDS)]
        calm = _waits(host, others)
        busy, behind = [], []
        for number in range(ROUNDS):
            model = f"flooded-{number}"
            host.publish(model, files=FILES, quiet=900)
            host.deliver("on_new_data", host.upload(model, FILES // ROUNDS))
            busy.append(_roll_back(host, model, published=True))
            behind.append(_waits(host, others))
            host.until(lambda m=model: host.head(m).next_file > FILES // ROUNDS, "files are missing", seconds=600)
    ratio = statistics.median(busy) / statistics.median(idle)
    worst, usual = max(map(max, behind)), max(calm)
    figures = [
        Figure("roll-back in a flood against idle, median", round(ratio, 2), "×", TIMES_IDLE),
        Figure("worst wait of 49 models beside a flood", round(worst, 2), "s"),
        Figure("worst wait of 49 models without a flood", round(usual, 2), "s"),
    ]
    seconds = {
        "roll-back idle": idle,
        "roll-back in a flood": busy,
        "others calm": calm,
        "others in a flood": [wait for waits in behind for wait in waits],
    }
    details = {name: [round(value, 3) for value in values] for name, values in seconds.items()}
    report("fairness", figures, {"files": FILES // ROUNDS * ROUNDS, "others": OTHERS, "seconds": details})


def _roll_back(host: Rig, model: str, *, published: bool = False) -> float:
    """Seconds from a person's request to the moment at which the traffic was seen to be set."""
    if not published:
        host.publish(model)
        settled(host, [model])
    else:
        host.until(lambda: host.head(model).next_file > 1, "no file is accepted")
    asked = time.time()
    host.ask(model, "rollback")
    host.until(lambda: host.head(model).previous is None, "no roll-back", seconds=300)
    (line,) = [line for line in host.lines(model) if line["event"]["kind"] == "TrafficSet"]
    return moment(line) - asked


def _waits(host: Rig, models: list[str]) -> list[float]:
    """Seconds from the delivery to the decision, for one event of each model, all at once."""
    before = {model: host.head(model).next_line for model in models}
    sent = time.time()
    host.deliver("on_model_deployed", [model_deployed(model) for model in models])
    settled(host, models, seconds=300)
    return [moment(dict(host.lines(model)[before[model] - 1])) - sent for model in models]


if __name__ == "__main__":
    main()
