"""Runs the code blocks of the documentation; see tools/check-examples and CONTRIBUTING.md.

usage: check_examples.py [PAGE…]
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from page_blocks import RUN, Block, PageError, blocks
from swift_pages import compile_pages

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "Sources/*/*.docc/**/*.md",
            "Sources/Python/README.md", "Sources/Examples/**/README.md", "IR/*.md"]
PYTHON_PAGE = """
import sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    number, place, code = eval(line)
    try:
        exec(compile("\\n" * (number - 1) + code, place, "exec"), names)
    except BaseException:
        traceback.print_exc()
        break
    print("\\x01", flush=True)
"""


class Failure(Exception):
    """A block that does not do what it should."""


class Session:
    """A process that runs the blocks of one language of a page, one after the other."""

    def __init__(self, command: list[str | Path], folder: Path, environment: dict[str, str]) -> None:
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors)

    def run(self, block: Block, line: str) -> str:
        """Gives the process a line and returns what it prints until it asks for the next."""
        assert self.process.stdin and self.process.stdout
        printed = []
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        for text in self.process.stdout:
            if text == "\x01\n":
                return "".join(printed)
            printed.append(text)
        self.process.wait()
        self.errors.seek(0)
        raise Failure(f"{block.place}: the block fails\n{''.join(printed)}{self.errors.read()}")

    def close(self) -> None:
        """Ends the process."""
        if self.process.stdin and not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        self.process.wait()


class Page:
    """A page that is being run, in a folder of its own."""

    def __init__(self, number: int, found: list[Block], folder: Path, tools: Path, swift: Path | None
                 ) -> None:
        self.found, self.folder, self.swift, self.number = found, folder, swift, number
        package = ROOT / "Sources" / "Python" / "src"
        self.environment = os.environ | {
            "PATH": os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(package), "FLOWIR_ROOT": str(ROOT), "MPLBACKEND": "agg",
            "FLOWIR_EXECUTABLE": str(ROOT / ".build" / "debug" / "flowir"),
            "FLOWIR_CACHE": os.environ.get("FLOWIR_CACHE", str(ROOT / ".build" / "python-cache"))}
        self.sessions: dict[str, Session] = {}
        self.printed = ""

    def run(self) -> None:
        """Runs the blocks in order."""
        try:
            for block in self.found:
                if block.is_output:
                    self.compare(block)
                elif block.file:
                    path = self.folder / block.file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with path.open("a") as file:
                        file.write(block.text)
                elif block.language in RUN and not block.reason:
                    self.printed = self.run_block(block)
        finally:
            for session in self.sessions.values():
                session.close()

    def run_block(self, block: Block) -> str:
        """Runs a block and gives what it prints."""
        if block.language == "sh":
            result = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text], cwd=self.folder, env=self.environment,
                stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if result.returncode != 0:
                raise Failure(f"{block.place}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
            return result.stdout
        if block.language == "python":
            session = self.session("python", [sys.executable, "-u", "-c", PYTHON_PAGE])
            return session.run(block, repr((block.line, str(block.page), block.text)))
        assert self.swift
        return self.session("swift", [self.swift, str(self.number)]).run(block, "")

    def session(self, language: str, command: list[str | Path]) -> Session:
        """The process of a language."""
        if language not in self.sessions:
            self.sessions[language] = Session(command, self.folder, self.environment)
        return self.sessions[language]

    def compare(self, block: Block) -> None:
        """Compares what the block before has printed; … stands for any text."""
        def words(text: str) -> str:
            return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
        pattern = ".*?".join(re.escape(part) for part in words(block.text).split("…"))
        if not re.fullmatch(pattern, words(self.printed), re.DOTALL):
            raise Failure(f"{block.place}: the block before prints\n{self.printed}")


def check(job: tuple[int, list[Block], Path, Path | None]) -> tuple[str | None, float]:
    """Runs a page, and gives what is wrong and the seconds that it took."""
    number, found, tools, swift = job
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            Page(number, found, Path(folder), tools, swift).run()
        except Failure as failure:
            return str(failure), time.monotonic() - start
    return None, time.monotonic() - start


def main(names: list[str]) -> int:
    """Runs pages, and says how many blocks ran and which were not to run."""
    paths = [Path(n).resolve() for n in names] or sorted(
        p for pattern in PATTERNS for p in ROOT.glob(pattern) if "__pycache__" not in p.parts)
    pages: dict[Path, list[Block]] = {}
    problems = []
    for path in paths:
        try:
            pages[path] = blocks(path.relative_to(ROOT), path.read_text())
        except PageError as error:
            problems.append(str(error))
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder, "bin")
        tools.mkdir()
        (tools / "flowir").symlink_to(ROOT / ".build" / "debug" / "flowir")
        data = tools / "example-data"
        data.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/tools/python/example_data.py" "$@"\n')
        data.chmod(0o755)
        try:
            swift = compile_pages(ROOT, Path(folder), pages)
        except subprocess.CalledProcessError:
            print("the blocks of Swift do not compile", file=sys.stderr)
            return 1
        jobs = [(n, found, tools, swift) for n, found in enumerate(pages.values()) if found]
        with ThreadPoolExecutor(2) as pool:
            for (_, found, *_), (problem, seconds) in zip(jobs, pool.map(check, jobs)):
                print(f"{'FAILED' if problem else 'ok':6} {seconds:5.1f} s  {found[0].page}", flush=True)
                problems += [problem] if problem else []
    every = [b for found in pages.values() for b in found]
    marked = [b for b in every if b.reason]
    run = sum(b.language in RUN and not b.reason and not b.file and not b.is_output for b in every)
    print(f"{run} blocks ran, {sum(b.is_output for b in every)} outputs were compared, "
          f"{len(marked)} are marked not to run:")
    for block in marked:
        print(f"  {block.place}: {block.reason}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
