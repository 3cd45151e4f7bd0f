"""Random architectures, and what the main table does not show of the workloads."""

import glob
import os
import random
import tempfile

from store import workloads
from table import aligned, microseconds, number

ACTIVATIONS = ["ReLU", "ELU", "Tanh", "SiLU", "LeakyReLU", "Softplus", "Sigmoid"]


def random_flow(chance):
    """A flow of any widths and odd sizes; every second has another activation than ReLU."""
    kind = chance.choice(["MAF", "NSF", "RealNVP"])
    layers = chance.randint(1, 3)
    residual = kind != "RealNVP" and layers > 1 and chance.random() < 0.3
    width = chance.randint(17, 400)
    flow = {
        "type": kind, "features": chance.randint(2, 40), "transforms": chance.randint(1, 6),
        "hidden_features": [width if residual else chance.randint(17, 400)
                            for _ in range(layers)]}
    if chance.random() < 0.5:
        flow["context"] = chance.randint(1, 40)
    if kind == "NSF":
        flow["features"] = chance.randint(2, 20)
        flow["bins"] = chance.randint(3, 16)
    if residual:
        flow["residual"] = True
    if chance.random() < 0.5:
        flow["activation"] = chance.choice(ACTIVATIONS[1:])
    return flow


def title(flow):
    parts = [f"{flow['type']} {flow['features']}+{flow.get('context', 0)}",
             f"{flow['transforms']} x [{', '.join(map(str, flow['hidden_features']))}]"]
    if "bins" in flow:
        parts.append(f"{flow['bins']} bins")
    if flow.get("residual"):
        parts.append("residual")
    parts.append(flow.get("activation", "ReLU"))
    return ", ".join(parts)


def sweep(measure, count, seed):
    """Entries for `count` random flows; `measure` gives the result of a request."""
    chance = random.Random(seed)
    entries = []
    for _ in range(count):
        flow = random_flow(chance)
        entry = {"flow": flow}
        for kind in ("log_prob", "sample"):
            result = measure({"flow": flow, "kind": kind, "threads": [1], "rows": 65536})
            if "failure" in result:
                entry["failure"] = result.get("reason", result["failure"])
                continue
            rate = result["rates"]["1"]
            entry[kind] = rate["median"]
            entry[kind + "_peak"] = rate["best"] * result["flop"] / rate["peak"]
        entries.append(entry)
    return entries


def sweep_text(entries):
    lines = [["flow", "log_prob", "peak", "sample", "peak", "log_prob:sample"]]
    for entry in sorted(entries, key=lambda entry: entry.get("log_prob_peak", 0)):
        if "failure" in entry:
            lines.append([title(entry["flow"]), entry["failure"], "", "", "", ""])
            continue
        lines.append([
            title(entry["flow"]), number(entry["log_prob"]), f"{100 * entry['log_prob_peak']:.0f} %",
            number(entry["sample"]), f"{100 * entry['sample_peak']:.0f} %",
            f"{entry['log_prob'] / entry['sample']:.2f}"])
    note = "Rows per second on one thread; the share of the peak is that of the best pass."
    return "\n".join([aligned(lines, left=1), "", note, shares_text(entries)])


def shares_text(entries):
    shares = sorted(entry["log_prob_peak"] for entry in entries if "failure" not in entry)
    if not shares:
        return "No random flow could be measured."
    return (f"On {len(shares)} flows of random architecture (`Benchmarks/run --sweep`) log_prob on one "
            f"thread\nreaches {100 * shares[0]:.0f} % to {100 * shares[-1]:.0f} % of that peak, in "
            f"the middle {100 * shares[len(shares) // 2]:.0f} %.")


def details(measure, names):
    """For each workload: small batches, float64, AVX2, a shared context, and compiling."""
    entries = []
    for workload in workloads():
        if workload["name"] not in names:
            continue
        flow = workload["flow"]

        def rate(kind="log_prob", threads=1, **more):
            rows = {"rows": workload["rows"]} if "rows" in workload else {}
            result = measure({"flow": flow, "kind": kind, "threads": [threads], **rows, **more})
            return None if "failure" in result else {**result["rates"][str(threads)],
                                                     "flop": result["flop"]}

        entry = {
            "workload": workload["name"], "single": rate(), "one_row": rate(rows=1),
            "sample_one_row": rate("sample", rows=1),
            "hundred_rows": rate(rows=100), "f64": rate(dtype="f64"),
            "avx2": rate(cpu="x86-64-v3"), "gradient": rate("log_prob_gradient")}
        if flow.get("context"):
            entry["sample"] = rate("sample")
            entry["sample_shared"] = rate("sample", shared=True)
        for kind in ("compile_log_prob", "compile_train"):
            entry[kind] = compile_times(measure, flow, kind)
        entries.append(entry)
    return entries


def compile_times(measure, flow, kind):
    """Times with an empty cache, and the size of the object."""
    with tempfile.TemporaryDirectory() as folder:
        result = measure({"flow": flow, "kind": kind, "threads": [1]}, {"XDG_CACHE_HOME": folder})
        objects = glob.glob(os.path.join(folder, "flowir", "*.so"))
        result["bytes"] = sum(map(os.path.getsize, objects))
    return result


def ratio(a, b, percent=True):
    if not a or not b:
        return "–"
    value = a["median"] / b["median"]
    return f"{100 * value:.0f} %" if percent else f"{value:.2f}×"


def details_text(entries):
    lines = [["workload", "one row, us", "sampled, us", "100 rows", "float64", "f64 peak", "AVX2", "AVX2 peak",
              "one context", "gradient", "compile", "train", "objects"]]
    for entry in entries:
        def peak(name):
            timed = entry[name]
            share = timed["best"] * timed["flop"] / timed["peak"] if timed else 0
            return f"{100 * share:.0f} %" if share else "–"

        def seconds(kind):
            return f"{entry[kind]['total']:.2f} s" if "total" in entry[kind] else "fails"

        lines.append([
            entry["workload"], microseconds(entry["one_row"]), microseconds(entry.get("sample_one_row")),
            ratio(entry["hundred_rows"], entry["single"]), ratio(entry["f64"], entry["single"]),
            peak("f64"), ratio(entry["avx2"], entry["single"]), peak("avx2"),
            ratio(entry.get("sample_shared"), entry.get("sample"), percent=False),
            ratio(entry["single"], entry.get("gradient"), percent=False),
            seconds("compile_log_prob"), seconds("compile_train"),
            " + ".join(f"{entry[kind]['bytes'] / 1024:.0f}"
                       for kind in ("compile_log_prob", "compile_train")) + " KB"])
    note = (
        "log_prob on one thread: time of one row, and of one sample; rates of 100 rows, float64 and AVX2 to that of many "
        "rows in\nfloat32, native; shares of the peaks of float64 and of AVX2 (best passes). one "
        "context: sampling for one\ncontext to as many as rows. gradient: time of log_prob with its "
        "gradient to that of log_prob. Compile:\nlog_prob and training step with an empty cache, front "
        "end to link.")
    return aligned(lines, left=1) + "\n\n" + note
