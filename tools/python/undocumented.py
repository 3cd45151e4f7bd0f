"""Lists the public symbols of symbol graphs that have no documentation; exits with 1 if there are any."""

import collections
import json
import pathlib
import sys


def undocumented(graph):
    """Yields place, kind and name of each symbol without a comment of its own or an inherited one."""
    kinds = {symbol["identifier"]["precise"]: symbol for symbol in graph["symbols"]}
    for symbol in kinds.values():
        lines = symbol.get("docComment", {}).get("lines", [])
        place = symbol.get("location")
        if any(line["text"].strip() for line in lines) or place is None:
            continue
        if "::SYNTHESIZED::" in symbol["identifier"]["precise"]:
            continue
        path = place["uri"].removeprefix("file://")
        name = ".".join(symbol["pathComponents"])
        yield path, place["position"]["line"] + 1, symbol["kind"]["displayName"], name


def main(folder, root):
    found = []
    for path in sorted(pathlib.Path(folder).glob("*.symbols.json")):
        found += undocumented(json.loads(path.read_text()))
    for path, line, kind, name in sorted(set(found)):
        path = path.removeprefix(root.rstrip("/") + "/")
        print(f"{path}:{line}: error: {kind.lower()} {name} has no documentation")
    counts = collections.Counter(kind for _, _, kind, _ in set(found))
    if counts:
        print(", ".join(f"{count} × {kind.lower()}" for kind, count in counts.most_common()))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
