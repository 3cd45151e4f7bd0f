"""Draws a corner plot of samples over data as PNG.

usage: corner_plot.py DATA.npy SAMPLES.npy OUTPUT.png
"""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

LABELS = ["redshift", "u", "g", "r", "i", "z", "y"]
DATA, SAMPLES = "#9aa5b1", "#c2410c"


def levels(density, shares=(0.95, 0.68)):
    """Density values whose contours enclose the given shares."""
    ordered = np.sort(density.ravel())[::-1]
    total = np.cumsum(ordered) / ordered.sum()
    return [ordered[np.searchsorted(total, share)] for share in shares]


def smooth(image):
    """A small binomial blur, so that contours of counts are quiet."""
    kernel = np.array([1, 4, 6, 4, 1]) / 16
    for axis in (0, 1):
        image = np.apply_along_axis(lambda v: np.convolve(v, kernel, "same"), axis, image)
    return image


def main(data_path, samples_path, output):
    data, samples = np.load(data_path), np.load(samples_path)
    n = data.shape[1]
    low, high = np.percentile(data, [0.3, 99.7], axis=0)
    pad = 0.06 * (high - low)
    low, high = low - pad, high + pad
    figure, axes = plt.subplots(n, n, figsize=(13, 13), dpi=130)
    figure.subplots_adjust(0.06, 0.055, 0.985, 0.985, 0.06, 0.06)
    for i in range(n):
        for j in range(n):
            ax = axes[i, j]
            if j > i:
                ax.axis("off")
                continue
            ax.set_xlim(low[j], high[j])
            ax.tick_params(labelsize=8, length=3, color="#6b7280")
            ax.xaxis.set_major_locator(plt.MaxNLocator(4, prune="both"))
            for spine in ax.spines.values():
                spine.set_color("#6b7280")
            if i == j:
                bins = np.linspace(low[j], high[j], 70)
                ax.hist(data[:, j], bins, density=True, color=DATA, alpha=0.55)
                ax.hist(samples[:, j], bins, density=True, histtype="step", color=SAMPLES, lw=1.4)
                ax.set_yticks([])
            else:
                ax.set_ylim(low[i], high[i])
                ax.yaxis.set_major_locator(plt.MaxNLocator(4, prune="both"))
                box = [[low[j], high[j]], [low[i], high[i]]]
                counts, xs, ys = np.histogram2d(data[:, j], data[:, i], 80, box)
                ax.pcolormesh(xs, ys, np.log1p(counts.T), cmap="Greys", rasterized=True)
                drawn, _, _ = np.histogram2d(samples[:, j], samples[:, i], 60, box)
                centres = [np.linspace(a, b, 61)[:-1] + (b - a) / 120 for a, b in box]
                density = smooth(drawn.T)
                ax.contour(*centres, density, sorted(levels(density)), colors=SAMPLES, linewidths=1.1)
            if i < n - 1:
                ax.set_xticklabels([])
            else:
                ax.set_xlabel(LABELS[j], fontsize=11)
            if j > 0 or i == 0:
                ax.set_yticklabels([])
            else:
                ax.set_ylabel(LABELS[i], fontsize=11)
    figure.text(0.62, 0.93, "Galaxies", fontsize=22, weight="bold")
    figure.text(0.62, 0.905, f"catalogue, {len(data):,} rows", fontsize=13, color="#6b7280")
    figure.text(
        0.62, 0.882, f"flow, {len(samples):,} samples (68 % and 95 % contours)", fontsize=13,
        color=SAMPLES)
    figure.savefig(output)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
