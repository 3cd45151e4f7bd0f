"""Stops commands at any moment, and lets each of their writes fail: outputs must be whole or absent.

A trial runs a command in a folder of its own, with outputs of an earlier run in place or none, and with
one fault. Then it asks:

- an output is the earlier one, or none, or every byte of what an undisturbed run writes;
- a command that says 1 has changed no output and says why in one line; one that says 0 has written all;
- inputs are as they were, and no file gets another name before all that was written to it is synced;
- the same command once more, with --resume where there is such, ends well with the same bytes;
- and then nothing is left over, beside the outputs or, once something is compiled again, in the cache.
"""

import argparse
import collections
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

FAILING = ["full", "broken", "torn"]
KILLING = ["killed", "dead"]
EARLIER = b"an earlier output"


class Job:
    """A command, what it reads and what it writes."""

    def __init__(self, name, command, inputs, outputs, resume=False, cold=False):
        self.name, self.command, self.inputs, self.outputs = name, command, inputs, outputs
        self.resume, self.cold = resume, cold


JOBS = [
    Job("train", "train --config c.json --data x.npy --output m2.safetensors --epochs 12 --seed 3",
        ["c.json", "x.npy"], ["m2.safetensors"], resume=True),
    Job("score", "score m.safetensors --input x.npy --output s.npy --chunk 400",
        ["m.safetensors", "x.npy"], ["s.npy"], resume=True),
    Job("score to csv", "score m.safetensors --input x.npy --output s.csv --chunk 400",
        ["m.safetensors", "x.npy"], ["s.csv"]),
    Job("sample", "sample m.safetensors --rows 3000 --output y.npy --log-prob l.npy",
        ["m.safetensors"], ["y.npy", "l.npy"]),
    Job("transform", "transform m.safetensors --input x.npy --output z.npy --ladj l.csv",
        ["m.safetensors", "x.npy"], ["z.npy", "l.csv"]),
    Job("gradient", "gradient m.safetensors --input x.npy --output g.safetensors",
        ["m.safetensors", "x.npy"], ["g.safetensors"]),
    Job("compile", "compile m.safetensors --output libn.so --function log_prob --emit c",
        ["m.safetensors"], ["libn.so", "n.h", "n.c"]),
    Job("score for the first time", "score m.safetensors --input x.npy --output s.npy",
        ["m.safetensors", "x.npy"], ["s.npy"], resume=True, cold=True),
]  # fmt: skip


class Bench:
    """The command, the inputs, and what undisturbed runs write."""

    def __init__(self, flowir, shim, folder):
        self.flowir, self.shim, self.folder = flowir, shim, folder
        self.inputs, self.warm = folder / "inputs", folder / "warm"
        self.state = folder / "state"
        self.log = folder / "log"
        self.state.write_bytes(bytes(4096))
        self.trials = 0
        self.findings = collections.OrderedDict()
        self.inputs.mkdir()
        self.warm.mkdir()
        (self.inputs / "c.json").write_text(
            '{"type": "NICE", "features": 2, "transforms": 1, "hidden_features": [4]}')
        values = random.Random(1)
        rows = b"".join(
            struct.pack("<2f", values.gauss(0, 1), values.gauss(1, 2)) for _ in range(3000))
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3000, 2), }".ljust(117) + "\n"
        (self.inputs / "x.npy").write_bytes(
            b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + rows)
        self.run("train --config c.json --data x.npy --output m.safetensors --epochs 1",
                 self.inputs, self.warm, expect=0)

    def run(self, command, folder, cache, fault=None, after=None, expect=None):
        """Runs a command; gives its status, its standard error, and how many calls it made."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FAULT_")}
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        environment.update(XDG_CACHE_HOME=str(cache), TMPDIR=str(temporary), LANG="C")
        if fault:
            self.state.write_bytes(bytes(4096))
            environment.update(
                LD_PRELOAD=str(self.shim), FAULT_UNDER=str(folder.parent),
                FAULT_STATE=str(self.state), FAULT_KIND=fault[0], FAULT_AT=str(fault[1]))
            if not fault[1]:
                self.log.write_bytes(b"")
                environment["FAULT_LOG"] = str(self.log)
        process = subprocess.Popen(
            [self.flowir] + command.split(), cwd=folder, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True)
        if after is not None:
            time.sleep(after)
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            error = process.communicate(timeout=120)[1]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return "hang", "", 0
        shutil.rmtree(temporary, ignore_errors=True)
        if expect is not None and process.returncode != expect:
            sys.exit(f"faults: '{command}' ended with {process.returncode}: {error}")
        return process.returncode, error, struct.unpack("<q", self.state.read_bytes()[:8])[0]

    def prepare(self, job):
        """Runs a job undisturbed: its outputs, the cache then, its calls and its seconds."""
        with self.place(job, job.cold) as place:
            before = time.monotonic()
            calls = self.run(job.command, place.work, place.cache, fault=("full", 0), expect=0)[2]
            job.seconds, job.calls = time.monotonic() - before, calls
            job.results = {name: (place.work / name).read_bytes() for name in job.outputs}
            job.cached = names(place.cache)
            place.expect_only(job.inputs + job.outputs, "an undisturbed run")
            place.check_syncs(self.log.read_text())
            if not job.cold:
                shutil.copytree(place.cache, self.warm, dirs_exist_ok=True)

    def place(self, job, cold):
        return Place(self, job, cold)

    def trial(self, job, fault=None, after=None, earlier=True):
        """One fault, and what must hold after it."""
        self.trials += 1
        with self.place(job, job.cold) as place:
            for name in job.outputs if earlier else []:
                (place.work / name).write_bytes(EARLIER)
            status, error, _ = self.run(job.command, place.work, place.cache, fault, after)
            what = self.state.read_bytes()[8:].split(b"\0")[0].decode() if fault else ""
            what = what.replace(str(place.root) + "/", "")
            place.title = f"{fault[0]} at call {fault[1]} ({what})" if fault else (
                f"killed after {after:.3f} s")
            place.check_outputs(status, error, earlier, bool(after) or fault[0] in KILLING)
            again = job.command + (" --resume" if job.resume and self.trials % 2 else "")
            status, error, _ = self.run(again, place.work, place.cache)
            if status != 0:
                place.report(f"the next run ended with {status}: {error.strip()}")
                return
            for name, bytes_ in job.results.items():
                if (place.work / name).read_bytes() != bytes_:
                    place.report(f"the next run has other bytes in {name}")
            place.expect_only(job.inputs + job.outputs, "the next run")
            left = set(names(place.cache)) - set(job.cached)
            if left:
                # The run needed no compiler, perhaps: the next that does must clean up.
                self.run(f"sample {self.inputs}/m.safetensors --rows 1 --dtype f64 --output o.npy",
                         place.work, place.cache, expect=0)
                left = sorted(left & set(names(place.cache)))
            if left:
                place.report(f"the next runs have left {', '.join(left)} in the cache")


class Place:
    """The folder of one trial: a working folder with the inputs, and a cache beside it."""

    def __init__(self, bench, job, cold):
        self.bench, self.job, self.cold, self.title = bench, job, cold, "undisturbed"

    def __enter__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(dir=self.bench.folder))
        self.work, self.cache = self.root / "work", self.root / "cache"
        self.work.mkdir()
        for name in self.job.inputs:
            shutil.copy(self.bench.inputs / name, self.work)
        if self.cold:
            self.cache.mkdir()
        else:
            shutil.copytree(self.bench.warm, self.cache)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root)

    def report(self, text):
        """Notes what should not be; the first case of each kind is printed."""
        text = text.replace(str(self.root), "")
        # Names with process identifiers and random numbers in them are of one kind.
        kind = f"{self.job.name}: " + re.sub(r"[0-9a-f]*[0-9]{3}[0-9a-f.]*", "*.", text)
        self.bench.findings.setdefault(kind, []).append(self.title)
        if len(self.bench.findings[kind]) == 1:
            print(f"  {self.title}\n    {text}", flush=True)

    def expect_only(self, expected, what):
        left = sorted(set(names(self.work)) - set(expected))
        if left:
            self.report(f"{what} has left {', '.join(left)}")

    def check_syncs(self, log):
        """Whether each file was synced between what was last written to it and its renaming."""
        unsynced = set()
        for line in log.splitlines():
            call, path, origin = line.split("\t")
            path, origin = self.work / path, self.work / origin
            # The linker writes through memory: what it opened counts as written.
            if "write" in call or call in ("open", "ftruncate"):
                unsynced.add(path)
            elif call in ("fsync", "fdatasync"):
                unsynced.discard(path)
            # What a compiler makes on its way need not last.
            elif call == "from" and origin in unsynced and path.suffix != ".o":
                self.report(f"{path.name} has its name before it is synced")

    def check_outputs(self, status, error, earlier, is_kill):
        if status not in (0, 1) and not (is_kill and status == -signal.SIGKILL):
            self.report(f"ended with {status}: {error.strip()}")
        if status == 1 and error.count("\n") != 1:
            self.report(f"the error has {error.count(chr(10))} lines: {error.strip()}")
        for name in self.job.inputs:
            if (self.work / name).read_bytes() != (self.bench.inputs / name).read_bytes():
                self.report(f"the input {name} was changed")
        for name, whole in self.job.results.items():
            path = self.work / name
            bytes_ = path.read_bytes() if path.exists() else None
            is_old = bytes_ == (EARLIER if earlier else None)
            if bytes_ is None and earlier:
                self.report(f"the earlier {name} is gone")
            elif not is_old and bytes_ != whole:
                self.report(f"{name} is neither whole nor the earlier one")
            elif status == 0 and bytes_ != whole:
                self.report(f"status 0 without a whole {name}")
            elif status == 1 and not is_old:
                self.report(f"status 1, but {name} was written")
        if status == 1 and not self.job.resume:
            self.expect_only(self.job.inputs + self.job.outputs, "a run that failed")


def names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def main():
    parser = argparse.ArgumentParser(prog="tools/faults/run")
    parser.add_argument("--kills", type=int, default=5, help="random kills of each command")
    parser.add_argument("--every", type=int, default=1, help="let each N-th call fail")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--flowir", required=True)
    parser.add_argument("--shim", type=pathlib.Path, required=True)
    parser.add_argument("job", nargs="*", help="; ".join(job.name for job in JOBS))
    options = parser.parse_args()
    unknown = set(options.job) - {job.name for job in JOBS}
    if unknown:
        parser.error(f"no job {', '.join(unknown)}")
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="flowir-faults-") as folder:
        bench = Bench(options.flowir, options.shim, pathlib.Path(folder).resolve())
        for job in JOBS:
            if options.job and job.name not in options.job:
                continue
            bench.prepare(job)
            before = bench.trials
            start = time.monotonic()
            for kind in FAILING + KILLING:
                first = chance.randrange(options.every) + 1
                for number in range(first, job.calls + 1, options.every):
                    bench.trial(job, fault=(kind, number), earlier=chance.random() < 0.5)
            for _ in range(options.kills):
                bench.trial(job, after=chance.uniform(0, 1.1 * job.seconds),
                            earlier=chance.random() < 0.5)
            print(f"{job.name:<26} {job.calls:>5} calls {bench.trials - before:>6} trials "
                  f"{time.monotonic() - start:>6.0f} s", flush=True)
        print(f"{bench.trials} trials, {len(bench.findings)} kinds of findings")
        for kind, titles in bench.findings.items():
            print(f"  {len(titles):>5} x {kind}")
        sys.exit(1 if bench.findings else 0)


main()
