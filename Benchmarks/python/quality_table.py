"""The table of `quality.py`: nats of test rows, and the time to 99 % of the best."""

import itertools
import math
import os
import statistics

from readme_table import architecture, replace_part
from store import HERE, TITLES

PATH = os.path.join(HERE, "quality-results.json")
# The other libraries, and who builds the flow that each trains.
AUTHORS = {"eager": "Zuko", "compile": "Zuko", "flowjax": "flowjax"}
SHARE = 0.99

NOTE = (
    "Means over seeds, float32, {threads} threads, side by side by `Benchmarks/run quality` on a machine "
    "with\n{processors} processors of this kind, {date}. Both train the same flow, which the other library built, "
    "from the\nsame parameters on. nats: the mean log-density of the test rows in the data's own units, with the "
    "standard error of\nthe mean over seeds; difference: flowir's nats minus the other's, of the same starts. s: seconds "
    "of training until\nthe validation rows have 99 % of the better one, with those to start and compile in brackets; – "
    "if a library never\ngets there. sooner: the other's seconds to flowir's.\n")


def ours(author):
    """The name under which flowir's runs on the flows of a library are kept."""
    return "flowir on " + author


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


def target(found, peers):
    """99 % of the way from the standard normal, which is where all begin, to the best library's mean."""
    best = max(curve(found, peer)[0][-1] for peer in peers)
    return found["start"] + SHARE * (best - found["start"])


def seconds_to(curve, wanted):
    """When the validation likelihood first reaches a value; infinite if it does not."""
    return next((seconds for value, seconds in zip(*curve) if value >= wanted), math.inf)


def standard_error(values):
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def nats(found, peer):
    """The test likelihood of each seed in the data's own units."""
    return {run["seed"]: run["test"] - found["log_scale"] for run in runs(found, peer)}


def mean_text(values):
    return f"{statistics.fmean(values):.2f} ± {standard_error(values):.2f}"


def time_text(seconds):
    return "–" if math.isinf(seconds) else f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"


def sooner(mine, other):
    """The other's time divided by ours, from what each takes to the target and with its whole budget."""
    if math.isinf(mine["seconds"]):
        return "–"
    if math.isinf(other["seconds"]):
        return f">{other['budget'] / mine['seconds']:.1f}×"
    return f"{other['seconds'] / mine['seconds']:.1f}×"


def times(found, peer, wanted, with_start=False):
    """What a library takes to the target and with its whole budget."""
    values, seconds = curve(found, peer)
    start = found["peers"][peer]["start_up"] if with_start else 0
    return {"seconds": start + seconds_to((values, seconds), wanted), "budget": start + seconds[-1]}


def row(found, peer):
    """The cells of a task beside one library."""
    pair = ours(AUTHORS[peer]), peer
    title = [found["task"]["name"], TITLES[peer]]
    if not all(runs(found, one) for one in pair):
        failed = [found["peers"].get(one, {}).get("failure") for one in pair]
        cells = [text or "–" for text in failed]
        return [*title, *cells, "", "", "", "", ""]
    wanted = target(found, pair)
    mine, other = (nats(found, one) for one in pair)
    difference = [mine[seed] - other[seed] for seed in mine if seed in other]
    cells = [mean_text(list(mine.values())), mean_text(list(other.values())), mean_text(difference)]
    for one in pair:
        seconds, start = times(found, one, wanted)["seconds"], found["peers"][one]["start_up"]
        cells.append(f"{time_text(seconds)} ({time_text(start)})")
    ratios = [sooner(*(times(found, one, wanted, with_start) for one in pair)) for with_start in (False, True)]
    return [*title, *cells, *ratios]


def table(tasks):
    lines = [["task", "beside", "flowir, nats", "nats", "difference", "flowir, s", "s", "sooner", "with start"]]
    for found in tasks:
        lines += [row(found, peer) for peer in AUTHORS if peer in found["peers"]]
    return lines


def text(tasks):
    """The table in Markdown."""
    lines = table(tasks)
    rule = ["---", "---", *["---:"] * (len(lines[0]) - 2)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], rule, *lines[1:]])


def seeds(found):
    """How many seeds were run."""
    return max(len(runs(found, peer)) for peer in found["peers"])


def section(results):
    tasks, machine = results["tasks"], results["machine"]
    note = NOTE.format(
        **machine, date=max(found["when"] for found in tasks)[:10], threads=tasks[0]["threads"])
    lines = []
    for found in tasks:
        task, rows = found["task"], found["rows"]
        lines.append(
            f"- {task['name']}: {architecture(task['flow'])}; {rows[0]:,} rows of {task['table']}, {rows[2]:,} for the "
            f"test; {task['epochs']} epochs of batches of {task['batch']}; {seeds(found)} seeds")
    return "\n".join([f"### {machine['kind']}\n", note, text(tasks), "", *lines])


def write_readme(results):
    replace_part("Quality", results["machine"]["kind"], section(results))
