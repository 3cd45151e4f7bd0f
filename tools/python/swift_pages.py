"""One program of the blocks of Swift of all pages: a page is a function, and each block a scope inside of
the block before it, so that it sees what stands above it and may declare a name anew."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from page_blocks import Block

MODULES = ["FlowIR", "FlowPasses", "FlowCodegen", "FlowRuntime", "FlowFiles", "FlowPlot", "Flows"]
DECLARATION = re.compile(
    r"^(@\w+ )*((private|public) )?(struct|extension|enum|protocol|final class|class|actor) |^private func ")
MAIN = """
import Foundation

/// Waits for the next line of standard input.
func blockStarts() {
  guard readLine() != nil else { exit(0) }
}

/// Says that a block has ended.
func blockEnds() {
  print("\\u{1}")
  fflush(nil)
}

setvbuf(stdout, nil, _IOLBF, 0)
do {
  switch CommandLine.arguments[1] {
  CASES
  default: fatalError("no such page")
  }
} catch {
  FileHandle.standardError.write(Data("\\(error)\\n".utf8))
  exit(1)
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
    imports, types, body = ["import Foundation"], [], []
    for block in blocks:
        body += ["do {", "blockStarts()", f'#sourceLocation(file: "{block.page}", line: {block.line})']
        inside = False
        for offset, line in enumerate(block.lines):
            if line.startswith("import "):
                imports.append(line)
            elif not inside and DECLARATION.match(line):
                types += [f'#sourceLocation(file: "{block.page}", line: {block.line + offset})',
                          line if line.startswith(("private ", "public ")) else "private " + line]
                inside = not line.rstrip().endswith("}")
                types += [] if inside else ["#sourceLocation()"]
            elif inside:
                types.append(line)
                inside = line.rstrip() != "}"
                types += [] if inside else ["#sourceLocation()"]
            else:
                body.append(line)
                continue
            body.append("")
        body += ["#sourceLocation()", "blockEnds()"]
    if not blocks:
        return ""
    return "\n".join([
        *dict.fromkeys(imports), *types, f"func page{number}() async throws {{", *body,
        "}" * len(blocks), "}", ""])
