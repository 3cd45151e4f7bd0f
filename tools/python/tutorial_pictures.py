"""Draws the pictures of the tutorials from the arrays that they wrote, as PNG in the same folder.

usage: tutorial_pictures.py FOLDER
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

INK, ACCENT = "#374151", "#c2410c"


def panels(count, size=4.2):
    figure, axes = plt.subplots(1, count, figsize=(size * count, size), dpi=130, squeeze=False)
    figure.subplots_adjust(0.05, 0.08, 0.99, 0.92, 0.14, 0)
    for ax in axes[0]:
        ax.set_aspect("equal")
        ax.tick_params(labelsize=8, length=3, color=INK)
        for spine in ax.spines.values():
            spine.set_color(INK)
    return figure, axes[0]


def square(values, column=None):
    values = values if column is None else values[:, column]
    side = round(values.size**0.5)
    return values.reshape(side, side)


def image(ax, values, low, high, title):
    ax.imshow(
        values, origin="lower", extent=(low, high, low, high), cmap="magma_r", vmin=0,
        interpolation="bilinear")
    ax.set_title(title, fontsize=11, color=INK)


def histogram(ax, points, low, high, title):
    counts, _, _ = np.histogram2d(points[:, 1], points[:, 0], 100, [[low, high], [low, high]])
    image(ax, counts, low, high, title)


def forward_kl(folder):
    figure, axes = panels(3)
    histogram(axes[0], np.load(folder / "forward-kl-data.npy"), -1.5, 2.5, "data")
    both = np.concatenate([np.load(folder / f"forward-kl-samples-{i}.npy") for i in range(2)])
    histogram(axes[1], both, -1.5, 2.5, "samples of the flow, both contexts")
    density = np.exp(square(np.load(folder / "forward-kl-density-1.npy")))
    image(axes[2], density, -2, 3, "density for context 1")
    axes[2].set_xlim(-1.5, 2.5)
    axes[2].set_ylim(-1.5, 2.5)
    figure.savefig(folder / "forward-kl.png")


def reverse_kl(folder):
    figure, axes = panels(3)
    densities = np.exp(np.load(folder / "reverse-kl-density.npy"))
    image(axes[0], square(densities, 0), -2.5, 2.5, "density to learn")
    image(axes[1], square(densities, 1), -2.5, 2.5, "density of the flow")
    histogram(
        axes[2], np.load(folder / "reverse-kl-samples.npy"), -2.5, 2.5, "samples of the flow")
    figure.savefig(folder / "reverse-kl.png")


def vae(folder):
    figure, rows = plt.subplots(3, 1, figsize=(12.8, 3.4), dpi=130)
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.93, 0, 0.3)
    for ax, (name, title) in zip(
        rows, [("images", "images"), ("again", "decoded from their codes"),
               ("new", "decoded from codes that the flow draws")]):
        images = np.load(folder / f"vae-{name}.npy")[:16].reshape(-1, 16, 16)
        ax.imshow(np.hstack(list(images)), cmap="gray", vmin=0, vmax=1)
        ax.set_title(title, fontsize=10, color=INK, pad=3)
        ax.axis("off")
    figure.savefig(folder / "vae.png")


def bayesian(folder):
    figure, axes = panels(2)
    densities = np.load(folder / "bayesian-density.npy")
    data = np.load(folder / "bayesian-data.npy")
    for ax, column, title in zip(
            axes, range(2), ["mean density of 50 drawn models", "how far they disagree"]):
        image(ax, square(densities, column), -2, 3, title)
        ax.plot(*data.T, ".", ms=2, color=ACCENT if column else INK, alpha=0.7)
    figure.savefig(folder / "bayesian.png")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    place = Path(sys.argv[1])
    for draw in (forward_kl, reverse_kl, vae, bayesian):
        draw(place)
