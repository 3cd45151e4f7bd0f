"""Results on disk: one entry for each workload, peer, kind and number of threads."""

import json
import os

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATH = os.path.join(HERE, "results.json")

OURS = "flowir"
PEERS = ["eager", "compile", "aot", "flowjax"]
TITLES = {
    OURS: "flowir",
    "eager": "Zuko eager",
    "compile": "torch.compile",
    "aot": "AOTInductor",
    "flowjax": "flowjax jit",
}
KINDS = ["log_prob", "sample", "train"]


def workloads():
    with open(os.path.join(HERE, "workloads.json")) as file:
        return json.load(file)


class Results:
    """Entries by (workload, peer, kind, threads): rates in rows or steps per second, or a failure.

    An entry has `median`, `best` and `passes`, or `failure` with a word why; and `when` it was
    measured. Entries of several runs are merged: the newest of each stays.
    """

    def __init__(self, path=PATH, fresh=False):
        self.path = path
        self.data = {"machine": {}, "entries": [], "extras": {}}
        if not fresh and os.path.exists(path):
            with open(path) as file:
                self.data = json.load(file)
        self.entries = {self.key(entry): entry for entry in self.data["entries"]}

    @staticmethod
    def key(entry):
        return (entry["workload"], entry["peer"], entry["kind"], entry["threads"])

    def add(self, entry):
        self.entries[self.key(entry)] = entry

    def get(self, workload, peer, kind, threads):
        return self.entries.get((workload, peer, kind, threads))

    def rate(self, *key):
        """The median rate, or None if it is missing or failed."""
        return (self.get(*key) or {}).get("median")

    def fastest_peer(self, workload, kind, threads):
        """The name and the rate of the fastest peer; None if no peer was measured."""
        rates = [(self.rate(workload, peer, kind, threads), peer) for peer in PEERS]
        rates = [(rate, peer) for rate, peer in rates if rate]
        return max(rates)[::-1] if rates else None

    def save(self):
        self.data["entries"] = list(self.entries.values())
        with open(self.path + ".new", "w") as file:
            json.dump(self.data, file, indent=1)
            file.write("\n")
        os.replace(self.path + ".new", self.path)
