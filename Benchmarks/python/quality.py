"""Trains the flows of the papers on public tables with flowir, Zuko (eager and under torch.compile) and
flowjax: the nats of rows held out, and how long it takes to get there.

Every other library builds its own flow of a task, and flowir trains that very flow, from the same parameters on,
with the same rows in the same units, Adam, learning rate, batch size and number of epochs; both keep the parameters
that were best on the validation rows. Libraries take turns at each seed, so that what else the machine does meets
all of them. Results are merged into quality-results.json.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile

import numpy as np

import processor
import quality_data
import quality_table
from quality_peers import Failure, Flowir, Worker
from store import HERE
from suite import names

PEERS = list(quality_table.AUTHORS)


def arguments(tasks):
    known = [task["name"] for task in tasks]
    parser = argparse.ArgumentParser(
        prog="Benchmarks/run quality", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=names(known), default=known, help="some of: " + ", ".join(known))
    parser.add_argument("--peers", type=names(PEERS), default=PEERS, help=f"beside whom, some of: {', '.join(PEERS)}")
    parser.add_argument("--seeds", type=int, default=10, help="how many (10)")
    parser.add_argument("--threads", type=int, default=2, help="of each library (2)")
    parser.add_argument("--limit", type=float, default=300,
                        help="seconds after which a run, or compiling, of another library is given up (300)")
    parser.add_argument("--quick", action="store_true",
                        help="two epochs of few rows, one seed and no torch.compile, to see that all works; "
                        "results are not kept")
    parser.add_argument("--flowir", default=None, help="the executable; built if left out")
    parser.add_argument("--output", default=quality_table.PATH, help="the file of results")
    parser.add_argument("--table", action="store_true", help="measure nothing: the table of the results")
    parser.add_argument("--readme", action="store_true",
                        help="put the table into the README's section \"Quality\" as well")
    return parser.parse_args()


def built():
    subprocess.run(
        ["swift", "build", "-c", "release", "--product", "flowir", "--package-path", os.path.dirname(HERE)],
        check=True, stdout=sys.stderr)
    return os.path.join(os.path.dirname(HERE), ".build", "release", "flowir")


def measure(task, options, executable, folder):
    """The runs of every library on a task."""
    data = quality_data.load(task["table"])
    if options.quick:
        for name in data.keys() - {"log_scale"}:
            data[name] = data[name][: 2 * task["batch"]]
    path = os.path.join(folder, task["name"] + ".npz")
    np.savez(path, **{name: rows for name, rows in data.items() if name != "log_scale"})
    epochs = 2 if options.quick else task["epochs"]
    request = {**task, "data": path, "threads": options.threads, "epochs": epochs}
    peers, result = {}, {}

    def attempt(peer, action):
        try:
            return action()
        except Failure as failure:
            print(f"  {task['name']} {peer}: {failure}", file=sys.stderr)
            text = str(failure)
            result[peer] = {"failure": text if text.startswith(">") else "fails", "reason": text}
            closing = peers.pop(peer, None)
            if closing:
                closing.close()
            return None

    def begin(peer, action):
        print(f"{task['name']} {peer} starts", file=sys.stderr, flush=True)
        made = attempt(peer, action)
        if made:
            peers[peer], result[peer] = made, {"runs": []}

    def train(peer, seed, *start):
        print(f"{task['name']} {peer} seed {seed}", file=sys.stderr, flush=True)
        run = attempt(peer, lambda: peers[peer].train(seed, options.limit, *start))
        if run:
            result[peer]["runs"].append({"seed": seed, **run})
            result[peer]["start_up"] = peers[peer].start_up

    for peer in options.peers:
        begin(peer, lambda: Worker({**request, "peer": peer}, options.limit))
    authors = {quality_table.AUTHORS[peer]: peer for peer in reversed(options.peers) if peer in peers}
    for author in authors:
        begin(quality_table.ours(author), lambda: Flowir(request, executable))
    start = os.path.join(folder, "start.safetensors")
    for seed in range(1, options.seeds + 1):
        for author, builder in authors.items():
            others = [peer for peer in options.peers if peer in peers and quality_table.AUTHORS[peer] == author]
            if builder in others and quality_table.ours(author) in peers:
                attempt(builder, lambda: peers[builder].write_start(seed, start, options.limit))
                train(quality_table.ours(author), seed, start)
            for peer in others:
                if peer in peers:
                    train(peer, seed)
    for peer in peers.values():
        peer.close()
    now = datetime.datetime.now().isoformat(timespec="seconds")
    rows = [len(data[part]) for part in ("train", "validation", "test")]
    return {"task": {**task, "epochs": epochs}, "rows": rows, "log_scale": data["log_scale"],
            "start": quality_data.standard_normal(data["validation"]), "when": now,
            "threads": options.threads, "peers": result}


def main():
    with open(os.path.join(HERE, "quality.json")) as file:
        tasks = json.load(file)
    options = arguments(tasks)
    if options.quick:
        options.seeds = 1
        options.peers = [peer for peer in options.peers if peer != "compile"]
    results = {"machine": {}, "tasks": []}
    if os.path.exists(options.output) and not options.quick:
        with open(options.output) as file:
            results = json.load(file)
    if not options.table:
        known = processor.describe()
        if results["machine"].get("kind", known["kind"]) != known["kind"]:
            sys.exit(f"{options.output} was measured on another kind of processor "
                     f"({results['machine']['kind']}); keep it under another name")
        results["machine"] = {**known, "processors": os.cpu_count(), "system": platform.platform()}
        executable = options.flowir or built()
        for task in (task for task in tasks if task["name"] in options.tasks):
            with tempfile.TemporaryDirectory(prefix="flowir-quality-") as folder:
                found = measure(task, options, executable, folder)
            by_name = {one["task"]["name"]: one for one in [*results["tasks"], found]}
            results["tasks"] = [by_name[task["name"]] for task in tasks if task["name"] in by_name]
            if not options.quick:
                with open(options.output + ".new", "w") as file:
                    json.dump(results, file)
                os.replace(options.output + ".new", options.output)
            print(quality_table.text([found]) + "\n", file=sys.stderr, flush=True)
    print(quality_table.text(results["tasks"]))
    if options.readme:
        quality_table.write_readme(results)


if __name__ == "__main__":
    main()
