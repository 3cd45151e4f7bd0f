"""Draws the pictures of the documentation; see tools/pictures.

usage: doc_pictures.py FLOWIR FOLDER LANDING
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from svg_picture import Picture, both_modes

ROOT = Path(__file__).resolve().parents[2]
TOOL, FOLDER, LANDING = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
SCRATCH = tempfile.TemporaryDirectory()
WORK = Path(SCRATCH.name)


def flowir(*arguments: str | Path) -> None:
    """Runs the command, and says so."""
    print("flowir", *(str(a).replace(f"{WORK}/", "") for a in arguments))
    subprocess.run([TOOL, *arguments], check=True, capture_output=True)


def report(model: Path, function: str) -> dict[str, Any]:
    """What `flowir dump --html` knows of a function, with its texts in place."""
    flowir("dump", model, "--html", WORK / "report.html", "--function", function)
    text = (WORK / "report.html").read_text()
    data = json.loads(re.search(r'<script[^>]*application/json[^>]*>(.*?)</script>', text, re.DOTALL)[1])
    return data["functions"][0] | {"strings": data["strings"]}


def bits(mask: str) -> list[list[bool]]:
    """The rows of a mask's text: how many entries are off, how many are on, and so on."""
    rows = []
    for part in mask.split():
        runs, _, times = part.partition("*")
        row = [index % 2 == 1 for index, count in enumerate(runs.split(",")) for _ in range(int(count))]
        rows += [row] * int(times or 1)
    return rows


def squares(rows: list[list[bool]], x: float, y: float, cell: float) -> str:
    """A path over the runs of set entries."""
    parts = []
    for r, row in enumerate(rows):
        c = 0
        while c < len(row):
            end = c
            while end < len(row) and row[end]:
                end += 1
            if end > c:
                width = (end - c) * cell
                parts.append(f"M{x + c * cell:g} {y + r * cell:g}h{width:g}v{cell:g}h{-width:g}z")
            c = end + 1
    return "".join(parts)


def masks(function: dict[str, Any]) -> None:
    """The masks of a network, as traced and folded, with the panels that are multiplied."""
    cell, gap = 6, 70
    layers, strings = function["masks"], function["strings"]
    picture = Picture(620, 630, "The masks of a network before and after fold-masks")
    picture.text(20, 24, "Rows are a layer's outputs, columns its inputs. Weights in the blue cells are not zero.", 13,
                 "soft")
    for row, (key, title) in enumerate([("before", "as it was traced"), ("after", "sorted by fold-masks; each orange box is a panel, which is multiplied as a whole")]):
        y = 80 + row * 296
        picture.text(20, y - 20, title, 15, weight="bold")
        x = 20.0
        for index, layer in enumerate(layers):
            width, height = layer["inputs"] * cell, layer["outputs"] * cell
            picture.rect(x, y, width, height, "off")
            picture.path(squares(bits(strings[layer[key]]), x, y, cell), "on")
            if key == "after":
                for start, count, first, last in layer["panels"]:
                    if last > first:
                        picture.rect(x + first * cell, y + start * cell, (last - first) * cell, count * cell,
                                     "", "edge")
            picture.text(x, y + height + 18, f"{layer['outputs']} × {layer['inputs']}", 13)
            picture.text(x, y + height + 34, f"{layer['weights']} of {layer['outputs'] * layer['inputs']}",
                         12, "soft")
            x += width + gap
            if index < 2:
                picture.arrow(x - gap + 14, y + 96, gap - 28)
    picture.write(FOLDER, "masks")


def inverse(function: dict[str, Any]) -> None:
    """Which units each step of an incremental inverse computes."""
    timeline, layers = function["timelines"][0], function["masks"]
    names = ["hidden 1", "hidden 2", "shift, scale", "x"]
    picture = Picture(760, 372, "The steps of an incremental inverse")
    picture.text(20, 26, "One inverse, step by step: each unit is computed once, when what it sees is known", 15,
                 weight="bold")
    done = [0] * len(names)
    for step in range(timeline["steps"]):
        left = 20 + step * 148
        picture.text(left, 56, f"step {step + 1}", 13, weight="bold")
        for column, name in enumerate(names):
            items = timeline["items"][column]
            total, now = sum(items), items[step]
            height = 200 / total
            for item in range(total):
                color = "known" if item < done[column] else "now" if item < done[column] + now else "off"
                picture.rect(left + column * 32, 68 + item * height, 26, height - 2, color)
            done[column] += now
    for column, name in enumerate(names):
        picture.text(20 + column * 32, 290 + 15 * (column % 2), name, 11, "soft")
    for index, (color, text) in enumerate([("off", "not known yet"), ("now", "computed in this step"),
                                           ("known", "known from a step before")]):
        picture.rect(250 + index * 170, 284, 14, 14, color)
        picture.text(270 + index * 170, 296, text, 12)
    weights = sum(layer["weights"] for layer in layers)
    dense = sum(layer["outputs"] * layer["inputs"] for layer in layers)
    steps = timeline["steps"]
    picture.text(20, 340, f"{weights:,} multiplications a row, as many as for the density; {steps} passes of the "
                 f"network with its zeros are {steps * dense:,}.", 13)
    picture.text(20, 360, "MAF of 5 features, hidden layers of 32 units; a square of the hidden layers is a panel of "
                 "4 units.", 12, "soft")
    picture.write(FOLDER, "inverse")


def truncated(model: Path, transforms: int) -> Path:
    """The model with its first transforms alone."""
    data = model.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    meta = header.pop("__metadata__")
    key = next(k for k, v in meta.items() if '"transforms"' in v)
    meta[key] = re.sub(r'"transforms": *\d+', f'"transforms": {transforms}', meta[key])
    kept, body = {}, b""
    for name, tensor in header.items():
        match = re.match(r"transform\.transforms\.(\d+)\.", name)
        if match and int(match[1]) >= transforms:
            continue
        first, last = tensor["data_offsets"]
        kept[name] = tensor | {"data_offsets": [len(body), len(body) + last - first]}
        body += data[8 + size + first:8 + size + last]
    text = json.dumps({"__metadata__": meta} | kept).encode()
    text += b" " * (-len(text) % 8)
    path = WORK / f"first-{transforms}.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def moons(rows: int) -> np.ndarray:
    """Two half circles with noise, standardized."""
    random = np.random.default_rng(0)
    angle, side = random.uniform(0, np.pi, rows), random.integers(0, 2, rows) == 1
    x = np.where(side, np.cos(angle), 1 - np.cos(angle))
    y = np.where(side, np.sin(angle), 0.5 - np.sin(angle))
    points = np.stack([x, y], 1) + 0.08 * random.normal(size=(rows, 2))
    return ((points - points.mean(0)) / points.std(0)).astype(np.float32)


def pipeline(model: Path, transforms: int) -> None:
    """Where a flow moves the rows of a table, transform by transform."""
    rows = moons(2000)[:500]
    np.save(WORK / "some.npy", rows)
    stages = [rows]
    for count in range(1, transforms + 1):
        flowir("transform", truncated(model, count), "--input", WORK / "some.npy", "--output", WORK / "z.npy")
        stages.append(np.load(WORK / "z.npy"))
    picture = Picture(60 + 190 * len(stages), 250, "A flow moves rows of data to a normal distribution")
    titles = ["data x", *[f"after transform {i}" for i in range(1, transforms)], "base z = f(x)"]
    upper = rows[:, 1] > -0.6 * rows[:, 0]
    for index, (points, title) in enumerate(zip(stages, titles)):
        left, scale = 20 + index * 200, 25.0
        picture.rect(left, 40, 160, 160, "off")
        for part, color in ((upper, "on"), (~upper, "now")):
            place = np.clip(points[part] * [scale, -scale] + [left + 80, 120], [left + 2, 42], [left + 158, 198])
            picture.path("".join(f"M{x:.1f} {y:.1f}h0" for x, y in place), color, 3, 0.75)
        picture.text(left + 80, 28, title, 13, anchor="middle")
        if index + 1 < len(stages):
            picture.arrow(left + 165, 120, 30)
    picture.text(20, 228, "log p(x) = log p(z) + log |det dz/dx|: each transform adds its part to the last term. "
                 "Sampling goes the other way.", 13)
    picture.write(FOLDER, "flow")
    picture.write(LANDING, "flow")


def passes(function: dict[str, Any], name: str) -> None:
    """The stages of a function, and how many operations it has after each pass."""
    stages = function["stages"]
    counts = [sum(bool(re.match(r" +%", function["strings"][i])) for i in s["lines"]["text"]) for s in stages]
    picture = Picture(760, 132 + 24 * len(stages), "The way of a function through the compiler")
    boxes = [("as traced", f"{counts[0]} operations"), (f"{len(stages) - 1} passes", f"{counts[-1]} operations"),
             ("tile program", f"{len(function['tiles']['text'])} lines"),
             ("C", f"{len(function['c']['text'])} lines"), ("shared object", "by the C compiler")]
    picture.text(20, 24, f"{name}, stage by stage", 15, weight="bold")
    for index, (title, note) in enumerate(boxes):
        left = 20 + index * 150
        picture.rect(left, 38, 118, 46, "off")
        picture.text(left + 59, 57, title, 13, anchor="middle", weight="bold")
        picture.text(left + 59, 75, note, 12, "soft", "middle")
        if index + 1 < len(boxes):
            picture.arrow(left + 121, 61, 27)
    picture.text(20, 112, "Operations after each pass; − and + count the lines that it took away and brought", 13)
    scale = 400 / max(counts)
    for index, (stage, count) in enumerate(zip(stages, counts)):
        y = 122 + index * 24
        picture.text(190, y + 14, stage["name"] if index else "as traced", 13, anchor="end")
        changed = len(stage["removed"]) + len(stage["added"])
        picture.rect(200, y + 1, count * scale, 17, "on" if changed or not index else "known")
        note = f"  −{len(stage['removed'])} +{len(stage['added'])}" if changed else ""
        picture.text(206 + count * scale, y + 14, f"{count}{note}", 12, "soft")
    picture.write(FOLDER, "passes")


def redshifts(galaxies: np.ndarray) -> None:
    """The density of a redshift given six magnitudes, for four galaxies, and its calibration."""
    for name, part in ("train", galaxies[:20_000]), ("test", galaxies[20_000:22_000]), ("four", galaxies[20_000:20_004]):
        np.save(WORK / f"redshift_{name}.npy", part[:, :1])
        np.save(WORK / f"bands_{name}.npy", part[:, 1:])
    model = WORK / "redshift.safetensors"
    flowir("train", "--flow", "NSF", "--data", WORK / "redshift_train.npy", "--context-data", WORK / "bands_train.npy",
           "--lower", "0", "--epochs", "20", "--output", model)
    flowir("plot", model, "--context", WORK / "bands_four.npy", "--names", "redshift", "--output", WORK / "p.svg")
    both_modes((WORK / "p.svg").read_text(), FOLDER, "redshifts")
    flowir("plot", model, "--kind", "calibration", "--data", WORK / "redshift_test.npy", "--names", "redshift",
           "--context", WORK / "bands_test.npy", "--output", WORK / "p.svg")
    both_modes((WORK / "p.svg").read_text(), FOLDER, "calibration")


def main() -> None:
    """Trains the flows and draws the pictures."""
    np.save(WORK / "five.npy", np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32))
    flowir("train", "--flow", "MAF", "--set", "transforms=1", "--set", "hidden_features=[32,32]",
           "--no-standardize", "--data", WORK / "five.npy", "--epochs", "1", "--output", WORK / "maf.safetensors")
    function = report(WORK / "maf.safetensors", "log_prob")
    masks(function)
    inverse(report(WORK / "maf.safetensors", "sample"))

    np.save(WORK / "moons.npy", moons(2000))
    flowir("train", "--flow", "NSF", "--set", "transforms=3", "--no-standardize", "--data", WORK / "moons.npy",
           "--epochs", "80", "--seed", "1", "--output", WORK / "moons.safetensors")
    pipeline(WORK / "moons.safetensors", 3)
    flowir("plot", WORK / "moons.safetensors", "--data", WORK / "moons.npy", "--rows", "500", "--output", WORK / "p.svg")
    both_modes((WORK / "p.svg").read_text(), FOLDER, "density")

    flowir("train", "--flow", "UNAF", "--set", "transforms=2", "--data", WORK / "five.npy", "--epochs", "1", "--output",
           WORK / "unaf.safetensors")
    passes(report(WORK / "unaf.safetensors", "sample"), "Sampling of a UNAF")

    galaxies = np.load(ROOT / "Sources" / "Examples" / "Galaxies" / "galaxies.npy")[:8000, :4]
    np.savetxt(WORK / "galaxies.csv", galaxies, delimiter=",", header="redshift,u,g,r", comments="")
    flowir("train", "--flow", "NSF", "--data", WORK / "galaxies.csv", "--epochs", "20", "--seed", "1",
           "--output", WORK / "galaxies.safetensors")
    flowir("plot", WORK / "galaxies.safetensors", "--kind", "corner", "--data", WORK / "galaxies.csv", "--rows", "8000",
           "--output", WORK / "p.svg")
    both_modes((WORK / "p.svg").read_text(), FOLDER, "corner")
    galaxies = np.load(ROOT / "Sources" / "Examples" / "Galaxies" / "galaxies.npy")
    redshifts(np.random.default_rng(0).permutation(galaxies))
    for path in sorted(FOLDER.glob("*.svg")):
        size = path.stat().st_size
        print(f"{size:7,} bytes  {path.name}" + ("  is larger than 60 KB" if size > 60_000 else ""))


if __name__ == "__main__":
    main()
