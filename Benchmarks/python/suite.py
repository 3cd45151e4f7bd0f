"""Measures flowir beside Zuko on PyTorch (eager, under torch.compile, under AOTInductor) and
flowjax under jit; prints one table, writes results.json, draws results.png.

Every measurement (workload, peer, kind) is a process of its own, so that runtimes do not disturb
each other. Without options everything is measured; with a selection the results are merged into
those on disk, so that the whole table can be put together from several runs.
"""

import argparse
import datetime
import json
import os
import platform
import signal
import subprocess
import sys

import chart
import processor
import sweep
import table
from store import HERE, KINDS, OURS, PEERS, Results, workloads

PYTHON = os.path.join(HERE, "python")


def names(choices):
    def parse(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(choices)}")
        return chosen

    return parse


def arguments():
    known = [workload["name"] for workload in workloads()]
    parser = argparse.ArgumentParser(
        prog="Benchmarks/run", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", type=names(known), default=known, help="some of: " +
                        ", ".join(known))
    parser.add_argument("--peers", type=names([OURS, *PEERS]), default=[OURS, *PEERS],
                        help=f"some of: {', '.join([OURS, *PEERS])}")
    parser.add_argument("--kinds", type=names(KINDS), default=KINDS,
                        help=f"some of: {', '.join(KINDS)}")
    parser.add_argument("--threads", type=names(["1", "2"]), default=["1", "2"], help="1, 2 or 1,2")
    parser.add_argument("--passes", type=int, default=5, help="passes of each measurement (5)")
    parser.add_argument("--seconds", type=float, default=0.4, help="length of a pass (0.4)")
    parser.add_argument("--limit", type=float, default=300,
                        help="seconds after which a peer's measurement is given up (300)")
    parser.add_argument("--compile-sampling", action="store_true",
                        help="time sampling under torch.compile and AOTInductor where that takes "
                        "minutes to compile, too (flows of more than 10 features or splines)")
    parser.add_argument("--missing", action="store_true", help="measure only what is not on disk")
    parser.add_argument("--sweep", type=int, metavar="N",
                        help="measure N random architectures instead, on one thread")
    parser.add_argument("--seed", type=int, default=1, help="which architectures (1)")
    parser.add_argument("--details", action="store_true",
                        help="measure small batches, float64, AVX2, a shared context and compiling "
                        "of the workloads instead")
    parser.add_argument("--table", action="store_true", help="measure nothing: table and chart")
    return parser.parse_args()


def one_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no output"


def measure(command, request, limit, environment=None):
    """Runs one measuring process; gives its result, or the word why there is none."""
    process = subprocess.Popen(
        [*command, json.dumps(request)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, **(environment or {})})
    try:
        output, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        # The compiler's own workers go with it.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return {"failure": f">{limit:.0f} s"}
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if process.returncode or not lines:
        return {"failure": "fails", "reason": one_line(errors or output)}
    return json.loads(lines[-1])


def compiles_sampling_quickly(flow):
    return flow["type"] in ("MAF", "RealNVP") and flow["features"] <= 10


class Suite:
    def __init__(self, options):
        self.options = options
        self.results = Results()
        self.bench = os.path.join(HERE, ".build", "release", "Bench")

    def build(self):
        subprocess.run(
            ["swift", "build", "-c", "release", "--package-path", HERE], check=True,
            stdout=sys.stderr)

    def describe_machine(self):
        known = processor.describe()
        before = self.results.data["machine"].get("kind", known["kind"])
        if before != known["kind"]:
            sys.exit(f"{self.results.path} was measured on another kind of processor ({before}); keep "
                     "it under another name, since rates of two kinds do not belong in one table")
        self.results.data["machine"] = {
            **known, "processors": os.cpu_count(), "system": platform.platform(),
            "python": platform.python_version()}

    def record(self, workload, peer, kind, threads, result):
        now = datetime.datetime.now().isoformat(timespec="seconds")
        entry = {"workload": workload["name"], "peer": peer, "kind": kind, "threads": threads,
                 "when": now}
        if "failure" in result:
            entry.update({key: result[key] for key in ("failure", "reason") if key in result})
        else:
            entry.update(result["rates"][str(threads)])
            entry.update(
                {key: result[key] for key in ("rows", "compile_seconds", "flop") if key in result})
        self.results.add(entry)
        self.results.save()

    def command(self, peer):
        if peer == OURS:
            return [self.bench]
        program = "peer_flowjax.py" if peer == "flowjax" else "peer_zuko.py"
        return [sys.executable, os.path.join(PYTHON, program)]

    def run(self, workload, peer, kind, threads):
        options = self.options
        request = {
            "flow": workload["flow"], "peer": peer, "kind": kind, "batch": workload["batch"],
            "threads": threads, "passes": options.passes, "seconds": options.seconds}
        if peer == OURS and "rows" in workload:
            request["rows"] = workload["rows"]
        if peer in ("compile", "aot"):
            # The size of batch that was fastest without compiling.
            eager = self.results.get(workload["name"], "eager", kind, threads[-1])
            if eager and "rows" in eager:
                request["rows"] = eager["rows"]
        result = measure(self.command(peer), request, options.limit)
        for count in threads:
            self.record(workload, peer, kind, count, result)
        if result.get("reason"):
            print(f"  {workload['name']} {kind} {peer}: {result['reason']}", file=sys.stderr)

    def measure_ours(self, request, environment=None):
        """A request to our own program, with what it leaves out."""
        options = self.options
        request = {"batch": 512, "passes": options.passes, "seconds": options.seconds, **request}
        print(json.dumps(request), file=sys.stderr, flush=True)
        return measure([self.bench], request, options.limit, environment)

    def measure_extras(self):
        extras = self.results.data["extras"]
        if self.options.sweep:
            extras["sweep"] = sweep.sweep(self.measure_ours, self.options.sweep, self.options.seed)
        if self.options.details:
            new = sweep.details(self.measure_ours, self.options.workload)
            kept = {entry["workload"]: entry for entry in extras.get("details", []) + new}
            extras["details"] = list(kept.values())

    def measure_all(self):
        threads = [int(count) for count in self.options.threads]
        for workload in workloads():
            if workload["name"] not in self.options.workload:
                continue
            for peer in [OURS, *PEERS]:
                for kind in KINDS:
                    if peer in self.options.peers and kind in self.options.kinds:
                        self.measure_one(workload, peer, kind, threads)

    def measure_one(self, workload, peer, kind, threads):
        if peer == "aot" and kind == "train":
            return
        if peer in ("compile", "aot") and kind == "sample" and not (
                self.options.compile_sampling or compiles_sampling_quickly(workload["flow"])):
            return
        wanted = threads
        if self.options.missing:
            wanted = [
                count for count in threads
                if not self.results.get(workload["name"], peer, kind, count)]
        # XLA's threads are those of the process; everyone else changes them between passes.
        parts = [[count] for count in wanted] if peer == "flowjax" else [wanted]
        for part in parts:
            if part:
                print(f"{workload['name']} {kind} {peer} {part}", file=sys.stderr, flush=True)
                self.run(workload, peer, kind, part)


def main():
    options = arguments()
    suite = Suite(options)
    extras = suite.results.data["extras"]
    is_extra = bool(options.sweep or options.details)
    if not options.table:
        if OURS in options.peers:
            suite.build()
        suite.describe_machine()
        if is_extra:
            suite.measure_extras()
        else:
            suite.measure_all()
    suite.results.save()
    if "details" in extras and (options.details or not is_extra):
        print(sweep.details_text(extras["details"]) + "\n")
    if "sweep" in extras and (options.sweep or not is_extra):
        print(sweep.sweep_text(extras["sweep"]) + "\n")
    if is_extra:
        return
    print(suite.results.data["machine"].get("kind", "") + "\n")
    print(table.text(suite.results))
    try:
        print(f"\n{chart.draw(suite.results)}")
    except ImportError:
        print("\nno chart: matplotlib is not installed", file=sys.stderr)


if __name__ == "__main__":
    main()
