"""The code blocks of a page of documentation, in order, with what comments before them say of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

RUN = {"sh", "python", "swift"}
"""Languages whose blocks run."""
SHOWN = {"text", "json", "flowir", "c", "none"}
"""Languages that are shown alone; a block of C has to be put into a file."""


class PageError(Exception):
    """Something on a page that the convention of CONTRIBUTING.md does not know."""


@dataclass
class Block:
    """A fenced block, or the text of a comment that runs like one and is not seen by readers."""

    page: Path
    line: int
    language: str
    lines: list[str] = field(default_factory=list)
    file: str | None = None
    """The file that the block is written to, or added to, instead of being run."""
    reason: str | None = None
    """Why it does not run."""
    is_output: bool = False
    """Whether it is what the block before it prints."""

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "".join(line + "\n" for line in self.lines)

    @property
    def place(self) -> str:
        """The page and the line of the first line of code."""
        return f"{self.page}:{self.line}"


FENCE = re.compile(r"^( *)```(\S*)\s*$")
HIDDEN = re.compile(r"^<!-- (?:(sh|python|swift)|file: (\S+))$")
MARK = re.compile(r"^<!-- (?:file: (?P<file>\S+)|no run: (?P<reason>.+)|(?P<output>output)) -->$")


def blocks(page: Path, text: str) -> list[Block]:
    """The blocks of a page; raises PageError where the page does not keep to the convention."""
    found: list[Block] = []
    mark: re.Match[str] | None = None
    current: Block | None = None
    end, indent, in_list, previous = "", "", False, ""
    for number, line in enumerate(text.splitlines(), 1):
        place = f"{page}:{number}"
        if current is not None:
            if line.strip() == end:
                found.append(current)
                current = None
            else:
                current.lines.append(line.removeprefix(indent))
            previous = line
            continue
        if hidden := HIDDEN.match(line):
            current = Block(page, number + 1, hidden[1] or "text", file=hidden[2])
            end, indent = "-->", ""
        elif fence := FENCE.match(line):
            current = Block(page, number + 1, fence[2])
            end, indent = "```", fence[1]
            if fence[2] not in RUN | SHOWN:
                raise PageError(f"{place}: the language of a block is one of "
                                f"{', '.join(sorted(RUN | SHOWN))}, not '{fence[2]}'")
            if mark:
                current.file, current.reason = mark["file"], mark["reason"]
                current.is_output = bool(mark["output"])
                mark = None
            if current.language == "c" and not (current.file or current.reason):
                raise PageError(f"{place}: a block of C needs <!-- file: NAME --> before it")
        elif found_mark := MARK.match(line):
            mark = found_mark
        elif line.startswith("<!--"):
            raise PageError(f"{place}: a comment that CONTRIBUTING.md does not know: {line}")
        elif mark and line.strip():
            raise PageError(f"{place}: the comment before this line is followed by no block")
        elif line.startswith("    ") and not previous.strip() and not in_list:
            raise PageError(f"{place}: code stands in a fence that names its language")
        elif line.strip():
            in_list = bool(re.match(r"^ *([-*]|\d+\.) ", line)) or (in_list and line.startswith(" "))
        previous = line
    if current is not None:
        raise PageError(f"{page}: the block at line {current.line} has no end")
    return found
