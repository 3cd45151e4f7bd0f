"""Writes the results into the "Speed" section of the repository's README.

usage: readme_table.py      after `Benchmarks/run`; replaces the part of this kind of processor, or adds one
"""

import os
import re
import sys

from store import HERE, KINDS, OURS, PEERS, TITLES, Results, workloads
from sweep import shares_text
from table import cell, microseconds, share

NOTE = (
    "Rows (log_prob, sample) or steps (train) per second, medians, float32, two threads, measured "
    "side by side\nby `Benchmarks/run` on a machine with {processors} processors of this kind, "
    "{date}. The ratio is to the\nfastest peer; peak is the share of the peak of fused "
    "multiply-adds, counted on non-zero weights.\n")


def architecture(flow):
    parts = [f"{flow['features']} features"]
    if flow.get("context"):
        parts.append(f"{flow['context']} context features")
    if "transforms" in flow:
        parts.append(f"{flow['transforms']} transforms")
    if "hidden_features" in flow:
        parts.append("×".join(map(str, flow["hidden_features"])))
    else:
        parts.append("Zuko's defaults")
    return f"{flow['type']}, " + ", ".join(parts)


def section(results, threads=2):
    machine = results.data["machine"]
    dates = [entry["when"][:10] for entry in results.entries.values()]
    titles = [TITLES[peer] for peer in [OURS, *PEERS]]
    lines = [
        f"### {machine['kind']}\n",
        NOTE.format(**machine, date=max(dates)),
        "| workload | | " + " | ".join(titles) + " | ratio | peak |",
        "| --- | --- |" + " ---: |" * (len(titles) + 2)]
    for workload in workloads():
        for kind in KINDS:
            entries = [results.get(workload["name"], peer, kind, threads)
                       for peer in [OURS, *PEERS]]
            fastest = results.fastest_peer(workload["name"], kind, threads)
            if not entries[0] or "median" not in entries[0]:
                continue
            ratio = f"{entries[0]['median'] / fastest[1]:.1f}×" if fastest else ""
            cells = [workload["name"], kind, *map(cell, entries), ratio, share(entries[0])[0]]
            lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    measured = {entry["workload"] for entry in results.entries.values() if entry["peer"] == OURS}
    lines += [f"- {workload['name']}: {architecture(workload['flow'])}; batch of a training step "
              f"{workload['batch']}" for workload in workloads() if workload["name"] in measured]
    trips = [trip for (_, peer, kind, count), entry in results.entries.items()
             if (peer, kind, count) == (OURS, "train", threads)
             for trip in entry.get("round_trips", [])]
    if trips:
        lines += ["", "In flowir's passes of training a cache line took "
                  f"{min(trips):.0f} to {max(trips):.0f} ns to the other processor and\nback; where "
                  "processors do not share a cache, small steps take up to half as long again."]
    latencies = [(entry["workload"], entry["one_row"], entry.get("sample_one_row"))
                 for entry in results.data["extras"].get("details", [])]
    if latencies:
        lines += ["", "One row takes, in microseconds (log_prob and sample, one thread): " + ", ".join(
            f"{name} {microseconds(one)} and {microseconds(sample)}" for name, one, sample in latencies)
            + "."]
    random_flows = results.data["extras"].get("sweep")
    if random_flows:
        lines += ["", shares_text(random_flows)]
    return "\n".join(lines)


def replace_part(title, kind, new):
    """Puts the part of a kind of processor into a section of the README, in place of an older one."""
    path = os.path.join(os.path.dirname(HERE), "README.md")
    with open(path) as file:
        text = file.read()
    found = re.search(rf"(?ms)^## {title}\n(.*?)(?=^## )", text)
    if not found:
        raise SystemExit(f"{path}: expected a section '## {title}'")
    # One part for each kind of processor, and what stands before the first.
    parts = re.split(r"(?m)^(?=### )", found[1].strip())
    kept = [part.strip() for part in parts if part.strip() and not part.startswith(f"### {kind}\n")]
    introduction = [part for part in kept if not part.startswith("### ")]
    others = [part for part in kept if part.startswith("### ")]
    joined = "\n\n".join([*introduction, new, *others])
    replaced = text[: found.start(1)] + f"\n{joined}\n\n" + text[found.end(1):]
    with open(path, "w") as file:
        file.write(replaced)


def main():
    results = Results()
    if "kind" not in results.data["machine"]:
        sys.exit("readme_table.py: there is no results.json to read; call Benchmarks/run first")
    replace_part("Speed", results.data["machine"]["kind"], section(results))


if __name__ == "__main__":
    main()
