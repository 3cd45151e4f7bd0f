"""A command line, taken apart."""

from __future__ import annotations

from dataclasses import dataclass, field

FLAGS = (
    "--resume", "--json", "--inverse", "--progress", "--line-buffered", "--standardize", "--no-standardize",
    "--robust", "--smooth-weights", "--cost", "--dot", "--times", "--profile", "--help", "--version",
)


@dataclass
class Line:
    """A command with its model and its options."""

    command: str
    model: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)
    """What is handed on as it is."""

    @staticmethod
    def parse(arguments: list[str]) -> Line:
        """Takes a command line apart; raises `ValueError` for an option without a value."""
        line = Line(arguments[0])
        left = arguments[1:]
        while left:
            argument = left.pop(0)
            name, equals, value = argument.partition("=")
            if not argument.startswith("--"):
                line.model = line.model or argument
                line.rest.append(argument)
            elif name in FLAGS:
                line.options[name] = ""
                line.rest.append(argument)
            else:
                if not equals:
                    if not left:
                        raise ValueError(f"{name} is missing its value")
                    value = left.pop(0)
                line.options[name] = value
                if name not in ("--columns", "--context-columns", "--keep"):
                    line.rest += [name, value]
        return line

    def names(self, option: str) -> list[str] | None:
        """The names that an option lists; None if it is left out."""
        text = self.options.get(option)
        return None if text is None else [name.strip() for name in text.split(",") if name.strip()]

    def number(self, option: str, default: int | None) -> int | None:
        """The whole number of an option; raises `ValueError`."""
        text = self.options.get(option)
        if text is None:
            return default
        if not text.isdecimal():
            raise ValueError(f"{option} is {text!r}, expected a whole number")
        return int(text)
