"""The table of `quality.py`: nats of test rows, and the time to 99 % of the best."""

import itertools
import math
import os
import statistics

from readme_table import architecture, replace_part
from store import HERE, TITLES

PATH = os.path.join(HERE, "quality-results.json")
OURS = "flowir"
PEERS = [OURS, "eager", "compile", "flowjax"]
SHARE = 0.99

NOTE = (
    "Means over seeds, float32, {threads} threads, side by side by `Benchmarks/run quality` on a machine "
    "with\n{processors} processors of this kind, {date}. nats: the mean log-density of the test rows in the data's own "
    "units, with the\nstandard error of the mean over seeds. s: seconds of training until the validation rows have 99 % "
    "of the best, with\nthose to start and compile in brackets; – if a library never gets there. sooner: the fastest "
    "peer's seconds to\nflowir's.\n")


def runs(found, peer):
    return found["peers"].get(peer, {}).get("runs", [])


def curve(found, peer):
    """The best validation likelihood so far and the seconds after each epoch, both means over seeds.

    A mean over seeds, and not the curve of one seed, is compared with the target: the orders that a seed draws
    for the layers move one run by more than the last tenth of its training does.
    """
    best, seconds = [], []
    for run in runs(found, peer):
        # Epochs without any density have none, and are worse than all others.
        values = [-math.inf if value is None else value for value in run["validation"]]
        best.append(list(itertools.accumulate(values, max)))
        seconds.append(run["seconds"])
    return ([statistics.fmean(epoch) for epoch in zip(*best)],
            [statistics.fmean(epoch) for epoch in zip(*seconds)])


def target(found):
    """99 % of the way from the standard normal, which is where all begin, to the best library's mean."""
    best = max((curve(found, peer)[0][-1] for peer in PEERS if runs(found, peer)), default=math.inf)
    return found["start"] + SHARE * (best - found["start"])


def seconds_to(curve, wanted):
    """When the validation likelihood first reaches a value; infinite if it does not."""
    return next((seconds for value, seconds in zip(*curve) if value >= wanted), math.inf)


def standard_error(values):
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def summary(found):
    """For each library: nats and their standard error, seconds to the target, and seconds to start."""
    result = {}
    wanted = target(found)
    for peer in PEERS:
        if not runs(found, peer):
            continue
        nats = [run["test"] - found["log_scale"] for run in runs(found, peer)]
        values, seconds = curve(found, peer)
        result[peer] = {
            "nats": statistics.fmean(nats), "error": standard_error(nats), "validation": values[-1],
            "seconds": seconds_to((values, seconds), wanted), "budget": seconds[-1],
            "start_up": found["peers"][peer]["start_up"]}
    return result


def time_text(seconds):
    return "–" if math.isinf(seconds) else f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"


def sooner(result, with_start=False):
    """The fastest peer's time to the target divided by ours; at least so much if no peer gets there."""
    def total(one, key):
        return one[key] + (one["start_up"] if with_start else 0)

    others = [one for peer, one in result.items() if peer != OURS]
    if OURS not in result or not others or math.isinf(result[OURS]["seconds"]):
        return "–"
    ours = total(result[OURS], "seconds")
    fastest = min(total(one, "seconds") for one in others)
    if math.isinf(fastest):
        return f">{min(total(one, 'budget') for one in others) / ours:.1f}×"
    return f"{fastest / ours:.1f}×"


def table(tasks):
    lines = [["task", *(f"{TITLES[peer]}, {unit}" for peer in PEERS for unit in ("nats", "s")),
              "sooner", "with start"]]
    for found in tasks:
        result = summary(found)
        cells = [found["task"]["name"]]
        for peer in PEERS:
            one = result.get(peer)
            if one:
                cells += [f"{one['nats']:.2f} ± {one['error']:.2f}",
                          f"{time_text(one['seconds'])} ({time_text(one['start_up'])})"]
            else:
                cells += [found["peers"].get(peer, {}).get("failure", "–"), ""]
        lines.append([*cells, sooner(result), sooner(result, with_start=True)])
    return lines


def text(tasks):
    """The table in Markdown."""
    lines = table(tasks)
    rule = ["---", *["---:"] * (len(lines[0]) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], rule, *lines[1:]])


def section(results):
    tasks, machine = results["tasks"], results["machine"]
    note = NOTE.format(
        **machine, date=max(found["when"] for found in tasks)[:10], threads=tasks[0]["threads"])
    lines = []
    for found in tasks:
        task, rows = found["task"], found["rows"]
        lines.append(
            f"- {task['name']}: {architecture(task['flow'])}; {rows[0]:,} rows of {task['table']}, {rows[2]:,} for the "
            f"test; {task['epochs']} epochs of batches of {task['batch']}; {len(runs(found, OURS))} seeds")
    return "\n".join([f"### {machine['kind']}\n", note, text(tasks), "", *lines])


def write_readme(results):
    replace_part("Quality", results["machine"]["kind"], section(results))
