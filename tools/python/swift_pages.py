"""One program of the blocks of Swift of all pages: a page is a function, and each block a scope inside of
the block before it, so that it sees what stands above it and may declare a name anew."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from page_blocks import Block

MODULES = ["FlowIR", "FlowPasses", "FlowCodegen", "FlowRuntime", "FlowFiles", "FlowPlot", "Flows"]
DECLARATION = re.compile(r"^(@\w+ )*(public )?(struct|extension|enum|protocol|final class|class|actor) ")
MAIN = """
import Foundation

/// Waits for the next line of standard input, and says that the block before has ended.
func blockEnds() {
  print("\\u{1}")
  fflush(nil)
  guard readLine() != nil else { exit(0) }
}

setvbuf(stdout, nil, _IOLBF, 0)
switch CommandLine.arguments[1] {
CASES
default: fatalError("no such page")
}
"""


def compile_pages(root: Path, folder: Path, pages: dict[Path, list[Block]]) -> Path | None:
    """Compiles the blocks of all pages, and gives the program; its first argument is a page's number."""
    files, cases = [], []
    for number, page in enumerate(pages):
        if source := page_source(number, [b for b in pages[page] if runs(b)]):
            files.append(folder / f"page{number}.swift")
            files[-1].write_text(source)
            cases.append(f'case "{number}": try await page{number}()')
    if not files:
        return None
    (folder / "main.swift").write_text(MAIN.replace("CASES", "\n".join(cases)))
    build = root / ".build" / "debug"
    objects = [o for m in [*MODULES, "CFlowKernels"] for o in sorted((build / f"{m}.build").rglob("*.o"))]
    # The object of an executable's entry is no part of a library.
    program = folder / "pages"
    subprocess.run(
        ["swiftc", "-Onone", "-suppress-warnings", "-j2", "-module-name", "Pages", "-I", build / "Modules",
         "-Xcc", f"-fmodule-map-file={build / 'CFlowKernels.build' / 'module.modulemap'}",
         *files, folder / "main.swift", *objects, "-o", program],
        check=True)
    return program


def runs(block: Block) -> bool:
    """Whether a block is compiled into the program."""
    return block.language == "swift" and not block.reason and not block.file


def page_source(number: int, blocks: list[Block]) -> str:
    """The file of one page: its imports, its types and extensions, and the function of all else."""
    imports: list[str] = []
    types: list[str] = []
    body: list[str] = []
    for block in blocks:
        body.append(f"do {{ #sourceLocation(file: \"{block.page}\", line: {block.line})".replace(
            "do { ", "do {\n"))
        inside = False
        for offset, line in enumerate(block.lines):
            if line.startswith("import ") or "import " in line.split("@testable")[0][:8]:
                imports.append(line)
                body.append("")
            elif inside or DECLARATION.match(line):
                if not inside:
                    types.append(f'#sourceLocation(file: "{block.page}", line: {block.line + offset})')
                types.append(line if inside or "public " in line else "fileprivate " + line)
                inside = line.rstrip() != "}" and not (not inside and line.rstrip().endswith("}"))
                body.append("")
            else:
                body.append(line)
        body += ["#sourceLocation()", "blockEnds()"]
    if not blocks:
        return ""
    # An unused result or an `await` too many is no fault of an example.
    return "\n".join([
        "import Foundation", *dict.fromkeys(imports), *types, "#sourceLocation()",
        f"func page{number}() async throws {{", "blockEnds()", *body, "}" * len(blocks), "}", ""])
