"""docs/scale.md, made of what a simulation found."""

from __future__ import annotations

from tests.scale.account import (
    ACCOUNT_TRANSACTIONS_A_SECOND,
    LATENCY_SECONDS,
    PARTITION_ENTITIES_A_SECOND,
)
from tests.scale.scenario import Found
from tests.scale.simulation import CHECK_SECONDS, RUN_SECONDS

WORDS = {
    "row": "table: one row read",
    "page": "table: range read",
    "transaction": "table: transaction",
    "ring": "queue: message sent",
    "queue": "queue: message taken or removed",
    "blob": "blob: any",
}
PAGE = """# How far it scales

Written by `python -m tests.scale`: a simulation, not a measurement. Its decisions are the real ones (intake, fold, performer,
effects, rows); storage account, host and Event Grid are models. Seed {seed}: the same run gives the same page.

## What was simulated

{models:,} models, {events_a_day:,} events a day (nine of ten are files, the others deployments by hand; runs add their own), {hours:g}
hours, in which the whole region is down from hour {begin:g} to hour {end:g}. {workers} workers a queue trigger (`host.json`
gives an instance 12, so 10 instances).
{sampled}

- *Storage*: {partition:,} entities a second a partition, {account:,} transactions a second an account; what is beyond is
  answered 503, and tried once more half a second later, as Baton's clients do. Calls take
  {latencies}.
- *Event Grid*: tries again after 10 s, 30 s, 1, 5, 10, 30 minutes, 1, 3, 6, 12 hours, each with 20 % of jitter, for 24 hours.
  After 10 failures it holds back new events to that function as well; Microsoft gives no times for that, here each hold is the
  next step from 5 minutes to an hour, and what it held comes within a minute after it.
- *Work*: a file's check takes {check:g} s, a run {run:g} s, and a model retrains on 200 files or after an hour of quiet.
- *Not in it*: workers that race for one model (an invocation happens at once and then holds its worker), scaling out while it
  runs, cold starts, a limit of intake's own, closing the journal's segments.

![{alt}](scale.svg)

| what | found |
|---|---:|
| events that happened | {events:,} |
| of them delivered after a failed try or a hold | {late:,} |
| lost: past Event Grid's 24 hours, or set aside by Baton | {lost:,} |
| most that waited with Event Grid | {undelivered:,} |
| most that were recorded and not decided | {waiting:,} |
| most rings in both queues | {rings:,} |
| age of the oldest event at its worst | {oldest:.0f} minutes |
| after the region came back, until no event was older than a minute | {drained:.0f} minutes |
| most storage calls in a minute's mean | {rate:,.0f} a second ({rate_share:.0f} % of the account's {account:,}) |
| most entities of one partition in one second | {peak_partition:,} ({partition_share:.0f} % of {partition:,}) |
| calls that were throttled | {throttled:,} |
| busiest minute of the performing workers | {busy:.0f} % |
| mean of them outside the outage and its aftermath | {calm:.0f} % |

## What it costs

Prices differ by region and change, so none stands here; look the units up and fill them in. A day's number is the
simulation's, divided by its {up:g} hours with the region up.

```
a day = table_calls / 10,000 x P_table + queue_calls / 10,000 x P_queue + blob_calls / 10,000 x P_blob
      + deliveries / 1,000,000 x P_events + executions / 1,000,000 x P_executions + gb_seconds x P_gb_second
      + stored_gb x P_stored / 30
```

| name | a day | unit of its price |
|---|---:|---|
| `table_calls` | {table_day:,.0f} | 10,000 transactions, Table Storage (a batch of rows is one) |
| `queue_calls` | {queue_day:,.0f} | 10,000 operations, Queue Storage (at most: messages are taken up to 8 at once) |
| `blob_calls` | {blob_day:,.0f} | 10,000 operations, Blob Storage; writes cost more than reads |
| `deliveries` | {deliveries_day:,.0f} | 1,000,000 operations, Event Grid basic |
| `executions` | {executions_day:,.0f} | 1,000,000 executions, Functions Flex Consumption |
| `gb_seconds` | {gb_day:,.0f} | GB-second, 2 GB an instance, at most: one function at a time on each |
| `stored_gb` | rows of 14 days of seen events, journal and files | GB a month |

By kind of call:

{calls}

## What breaks first, and what to change then

1. **Age, by Event Grid's own schedule.** What failed during the outage comes with its next step, whoever is ready to take it
   before: the last one {drained:.0f} minutes after the region here, and up to three hours where Event Grid took no hold. Nothing is
   lost before 24 hours, and nothing in Baton makes it quicker. If minutes matter, list the containers when the region is back
   and send what is new again: a repeat is recognised.
2. **The account, for a minute.** When a hold ends, everything comes at once: {throttled:,} calls were throttled and tried
   again. What intake could not record went back to Event Grid, and to a later step of its schedule. An installation that sees
   this often wants a second data account with a part of the models, which share nothing.
3. **Performing workers.** A check holds one for as long as the file takes: {busy:.0f} % of {workers} were busy at the worst,
   {calm:.0f} % in peace. Above about 70 % in peace let the plan have more instances (`maximumInstanceCount` in
   `infra/modules/app.bicep`), or let large files be checked by runs.
4. **The sweep.** It reads every head each minute and rings every model each five minutes: with {models:,} models that alone is up to
   {sweep:,.0f} calls a day whatever happens. Beyond some thousands of models let it read an index of `wake_at` instead.
5. **One model's partition** is far away: {partition_share:.0f} % of its limit in the worst second. A model that comes near wants
   larger files rather than more of them.
"""


def page(found: Found) -> str:
    """The whole page."""
    scenario, moments = found.scenario, found.moments
    end = scenario.outage_from_hour + scenario.outage_hours
    calm = [m.busy["perform"] for m in moments if m.minute < 60 * scenario.outage_from_hour]
    rate = max(m.transactions_a_second for m in moments)
    up = scenario.hours - scenario.outage_hours
    worst = max(m.oldest_seconds for m in moments)

    def day(*kinds: str) -> float:
        return sum(found.calls.get(kind, 0) for kind in kinds) * 24 / up

    return PAGE.format(
        seed=scenario.seed, models=scenario.models, events_a_day=scenario.events_a_day, hours=scenario.hours,
        begin=scenario.outage_from_hour, end=end, sampled=_sampled(found), workers=scenario.workers,
        partition=PARTITION_ENTITIES_A_SECOND, account=ACCOUNT_TRANSACTIONS_A_SECOND, latencies=_latencies(),
        check=CHECK_SECONDS, run=RUN_SECONDS, alt=_alt(found), events=found.events, late=found.delivered_late,
        lost=found.expired + found.dead + found.poisoned,
        undelivered=max(m.undelivered for m in moments), waiting=max(m.waiting for m in moments),
        rings=max(m.advance + m.perform for m in moments), oldest=worst / 60, drained=found.drained_minutes, rate=rate,
        rate_share=100 * rate / ACCOUNT_TRANSACTIONS_A_SECOND, peak_partition=found.peak_partition,
        partition_share=100 * found.peak_partition / PARTITION_ENTITIES_A_SECOND, throttled=found.throttled,
        busy=100 * max(m.busy["perform"] for m in moments), calm=100 * sum(calm) / len(calm), up=up,
        table_day=day("row", "page", "transaction"), queue_day=day("ring", "queue"), blob_day=day("blob"),
        deliveries_day=found.invocations["deliveries"] * 24 / up,
        executions_day=sum(found.invocations[kind] for kind in ("intake", "advance", "perform")) * 24 / up,
        gb_day=2 * found.worker_seconds * 24 / up, calls=_calls(found, up),
        sweep=scenario.models * (24 * 60 + 2 * 24 * 12 * 5),
    )  # fmt: skip


def _sampled(found: Found) -> str:
    sample = found.scenario.sample
    if sample == 1:
        return "Every model is in it."
    return (
        f"Every {sample}th model is in it, with its share of workers and of the account's limit; the numbers below are\n"
        f"multiplied by {sample} (`python -m tests.scale --sample 1` simulates all)."
    )


def _latencies() -> str:
    return ", ".join(f"{1000 * seconds:.0f} ms ({kind})" for kind, seconds in LATENCY_SECONDS.items())


def _calls(found: Found, up: float) -> str:
    rows = [
        f"| {WORDS[kind]} | {n * 24 / up:,.0f} | {n / max(found.events, 1):.1f} |"
        for kind, n in sorted(found.calls.items())
    ]
    return "\n".join(["| call | a day | for each event |", "|---|---:|---:|", *rows])


def _alt(found: Found) -> str:
    most = max(moment.undelivered for moment in found.moments)
    return (
        f"Four curves over {found.scenario.hours:g} hours: up to {most:,} events wait with Event Grid while the region is down, "
        f"and {found.drained_minutes:.0f} minutes after it is back none is older than a minute"
    )
