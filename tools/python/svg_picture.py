"""What the pictures of the documentation are drawn with: one text for light pages and one for dark ones."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

LIGHT = {"back": "#ffffff", "ink": "#222222", "soft": "#6b6b6b", "off": "#e9ecef", "known": "#a9c9e8",
         "on": "#2f6db3", "now": "#d55e00", "edge": "#d55e00"}
DARK = {"back": "#000000", "ink": "#f0f0f0", "soft": "#a8a8ad", "off": "#34363b", "known": "#31577f",
        "on": "#6aa9e9", "now": "#ff9a4d", "edge": "#ff9a4d"}


class Picture:
    """A picture whose colours are names, which `write` turns into those of both modes."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.size, self.title = (width, height), title
        self.parts = [f'<rect width="{width:g}" height="{height:g}" fill="@back"/>']

    def text(self, x: float, y: float, text: str, size: int = 13, color: str = "ink", anchor: str = "start",
             weight: str = "") -> None:
        """A line of text, with its base line at y."""
        bold = ' font-weight="bold"' if weight else ""
        self.parts.append(f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="@{color}" '
                          f'text-anchor="{anchor}"{bold}>{escape(text)}</text>')

    def rect(self, x: float, y: float, width: float, height: float, color: str, edge: str = "") -> None:
        """A rectangle, filled or with an edge."""
        paint = f'fill="none" stroke="@{edge}" stroke-width="1.2"' if edge else f'fill="@{color}"'
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" {paint}/>')

    def path(self, data: str, color: str, width: float = 0, opacity: float = 1) -> None:
        """A filled path, or a line with round ends if it has a width."""
        paint = (f'fill="none" stroke="@{color}" stroke-width="{width:g}" stroke-linecap="round"' if width
                 else f'fill="@{color}"')
        clear = f' opacity="{opacity:g}"' if opacity < 1 else ""
        self.parts.append(f'<path d="{data}" {paint}{clear}/>')

    def arrow(self, x: float, y: float, length: float) -> None:
        """An arrow to the right."""
        self.path(f"M{x:g} {y:g}h{length - 2:g}M{x + length - 7:g} {y - 5:g}l6 5l-6 5", "soft", 1.6)

    def write(self, folder: Path, name: str) -> None:
        """Writes both modes."""
        width, height = self.size
        text = "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
            f'viewBox="0 0 {width:g} {height:g}" font-family="Helvetica, Arial, sans-serif" role="img">',
            f"<title>{escape(self.title)}</title>", *self.parts, "</svg>", ""])
        for suffix, colors in (("", LIGHT), ("~dark", DARK)):
            (folder / f"{name}{suffix}.svg").write_text(
                re.sub(r"@(\w+)", lambda m: colors[m[1]], text))


def both_modes(text: str, folder: Path, name: str) -> None:
    """Writes a picture of `flowir plot` for light and dark pages: greys change places, and so do the blues
    of its contours. Outlines lose the points that lie within a fifth of a pixel of a line without them."""
    text = re.sub(r'd="([^"]+)"', lambda m: f'd="{thinned(m[1])}"', text)
    (folder / f"{name}.svg").write_text(text)
    blues = ["e8f1fa", "c8dff1", "a9cde8", "89bbdf", "6aa9d6", "5094c6", "3c7cae", "286496", "144c7e", "003466"]
    colors = {"ffffff": DARK["back"][1:], "222222": DARK["ink"][1:], "888888": "9a9a9f", "e0e0e0": "3c3c40",
              "e6e6e6": "3c3c40", "dddddd": "4a4a50",
              "555555": "c0c0c4", **dict(zip(blues, reversed(blues)))}
    (folder / f"{name}~dark.svg").write_text(
        re.sub(r"#([0-9a-f]{6})", lambda m: "#" + colors.get(m[1], m[1]), text))


def thinned(data: str) -> str:
    """A path of M and L and Z, with fewer points."""
    if re.search(r"[^-MLZ0-9. ]", data):
        return data
    loops = []
    for loop in re.findall(r"M[^M]+", data):
        points = [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", loop)]
        kept = simplified(points, 0.2)
        loops.append("M" + "L".join(f"{round(x, 1):g} {round(y, 1):g}" for x, y in kept) + "Z" * ("Z" in loop))
    return "".join(loops)


def simplified(points: list[tuple[float, float]], tolerance: float) -> list[tuple[float, float]]:
    """The line of Douglas and Peucker."""
    if len(points) < 3:
        return points
    (x0, y0), (x1, y1) = points[0], points[-1]
    length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-12)
    if length < 1e-9:
        distances = [((x - x0) ** 2 + (y - y0) ** 2) ** 0.5 for x, y in points]
    else:
        distances = [abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length for x, y in points]
    farthest = max(range(1, len(points) - 1), key=lambda i: distances[i])
    if distances[farthest] <= tolerance:
        return [points[0], points[-1]]
    return simplified(points[:farthest + 1], tolerance)[:-1] + simplified(points[farthest:], tolerance)
