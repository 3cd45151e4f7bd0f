"""The results as one table of text."""

from store import KINDS, OURS, PEERS, TITLES, workloads


def number(rate):
    """Three digits with a unit: 3.04 M, 119 k, 53.1."""
    for unit, size in ((" M", 1e6), (" k", 1e3), ("", 1)):
        if rate >= size or not unit:
            value = rate / size
            digits = 2 if value < 10 else 1 if value < 100 else 0
            return f"{value:.{digits}f}{unit}"


def cell(entry):
    if entry is None:
        return "–"
    return entry["failure"] if "failure" in entry else number(entry["median"])


def microseconds(timed):
    """The time of a call, to three digits."""
    return f"{1e6 / timed['median']:.3g}" if timed else "–"


def share(entry):
    """The share of the peak of fused multiply-adds: medians, and best pass.

    Empty for a flow whose layers are less than 1 % of its work, which the peak says nothing about.
    """
    if not entry or not entry.get("flop") or "failure" in entry:
        return "", ""
    shares = [100 * entry[way] * entry["flop"] / entry["peak"] for way in ("median", "best")]
    return tuple(f"{share:.0f} %" if share >= 1 else "" for share in shares)


def rows(results, names=None):
    """Lines of cells: workload, kind, threads, ours, peers, ratio, share of peak, two threads."""
    for workload in workloads():
        name = workload["name"]
        if names and name not in names:
            continue
        for kind in KINDS:
            for threads in (1, 2):
                ours = results.get(name, OURS, kind, threads)
                peers = [results.get(name, peer, kind, threads) for peer in PEERS]
                if ours is None and not any(peers):
                    continue
                ratio = ""
                fastest = results.fastest_peer(name, kind, threads)
                if fastest and ours and "median" in ours:
                    ratio = f"{ours['median'] / fastest[1]:.1f}×"
                scaling = ""
                single = results.get(name, OURS, kind, 1)
                if threads == 2 and ours and single and "best" in ours and "best" in single:
                    scaling = f"{ours['best'] / single['best']:.2f}×"
                yield [name, kind, str(threads), cell(ours), *map(cell, peers), ratio,
                       *share(ours), scaling]


HEADER = ["workload", "", "threads", *(TITLES[peer] for peer in [OURS, *PEERS]), "ratio",
          "peak", "best", "2:1"]


def aligned(lines, left=2):
    """Lines of cells in columns; the first `left` are aligned left."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = []
    for line in lines:
        cells = [
            part.ljust(width) if i < left else part.rjust(width)
            for i, (part, width) in enumerate(zip(line, widths))]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)


def text(results, names=None):
    notes = (
        "Rows (log_prob, sample) or steps (train) per second, float32, medians. ratio: ours to the "
        "fastest peer.\npeak: share of the peak of fused multiply-adds measured in the same "
        "process, counted on non-zero\nweights, of the median and of the best pass. 2:1: best pass "
        "with two threads to one. –: not measured.")
    return aligned([HEADER, *rows(results, names)]) + "\n\n" + notes
