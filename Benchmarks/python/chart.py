"""The results as a bar chart: rates on a logarithmic axis, one panel a kind."""

import os

from store import HERE, KINDS, OURS, PEERS, TITLES, workloads

COLORS = {OURS: "#0b5fa5", "eager": "#c9c9c9", "compile": "#9e9e9e", "aot": "#6f6f6f",
          "flowjax": "#d8a657"}


def draw(results, path=os.path.join(HERE, "results.png"), threads=2):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = [workload["name"] for workload in workloads()]
    figure, axes = plt.subplots(len(KINDS), 1, figsize=(11, 10), constrained_layout=True)
    for axis, kind in zip(axes, KINDS):
        shown = [OURS, *PEERS]
        width = 0.85 / len(shown)
        for place, peer in enumerate(shown):
            at, heights = [], []
            for index, name in enumerate(names):
                rate = results.rate(name, peer, kind, threads)
                if rate:
                    at.append(index + (place - (len(shown) - 1) / 2) * width)
                    heights.append(rate)
            # A bar of its own for the legend, so that it names a peer without any result, too.
            axis.bar(at or [0], heights or [0], width * 0.92, color=COLORS[peer],
                     label=TITLES[peer])
        axis.set_yscale("log")
        low, high = axis.get_ylim()
        axis.set_ylim(low / 1.5, high * 2)
        for index, name in enumerate(names):
            ours = results.rate(name, OURS, kind, threads)
            fastest = results.fastest_peer(name, kind, threads)
            if ours and fastest:
                axis.text(
                    index - (len(shown) - 1) / 2 * width, ours * 1.1,
                    f"{ours / fastest[1]:.1f}×", ha="center", va="bottom", fontsize=9,
                    color=COLORS[OURS], fontweight="bold")
        axis.set_xticks(range(len(names)), names)
        axis.set_xlim(-0.55, len(names) - 0.45)
        axis.set_ylabel("steps per second" if kind == "train" else "rows per second")
        axis.set_title(kind, loc="left", fontweight="bold")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color="#e5e5e5", linewidth=0.6)
        axis.set_axisbelow(True)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(COLORS),
        frameon=False)
    figure.supxlabel(
        f"float32, {threads} threads, medians, logarithmic; above our bars: the ratio to the "
        "fastest peer", fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
