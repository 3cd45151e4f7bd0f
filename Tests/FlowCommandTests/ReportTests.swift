import FlowCodegen
import FlowIR
import FlowPasses
import Flows
import Foundation
import Testing

@testable import FlowCommand

/// `flowir dump --html`: what stands in the page; `Tests/Python/test_report.py` opens it in a browser.
@Suite struct ReportTests {
  private let command = CommandTests()

  private func stage(_ lines: [String], after previous: ReportStage? = nil) -> ReportStage {
    ReportStage(
      name: "s", summary: "", lines: lines.map { PrintedLine($0, Scope("a")) }, after: previous)
  }

  @Test("lines are compared without the numbers of values and without scopes")
  func changes() {
    let before = stage(["%0 = exp %x : f32", "%1 = add %0, %0 : f32", "%2 = log %1 : f32"])
    let after = stage(
      [
        "%0 = log %x : f32", "%1 = exp %x : f32 at \"a\"", "%2 = add %1, %1 : f32",
        "%3 = log %2 : f32",
      ], after: before)
    #expect(after.added == [0] && after.removed.isEmpty)
    let other = stage(["%0 = exp %x : f32", "%1 = multiply %0, %0 : f32"], after: before)
    #expect(other.removed == [1, 2] && other.added == [1])
  }

  @Test("lines of C belong to the part that the comment before them names")
  func scopes() {
    let lines = FunctionReport.scoped(
      "void f() {\n  /* a.b */\n  x();\n  /* c */\n  y();\n}\nint z;")
    #expect(lines.map(\.scope.path) == ["", "a.b", "a.b", "c", "c", "", ""])
  }

  @Test("printed lines are those of the text, in the IR and in the tile program")
  func lines() throws {
    let model = try Model(.naf(.init(transforms: 1)), features: 2, seed: 1)
    let traced = try tracedFunction("sample", of: model, dtype: .f32)
    let body = traced.printedLines().map(\.text).joined(separator: "\n") + "\n"
    #expect(traced.text.hasSuffix(body))
    // An operation in a region belongs to its own layer.
    let inner = traced.printedLines().filter { $0.text.contains("linear") }
    #expect(inner.contains { $0.scope.path.contains("univariate") && $0.text.hasPrefix("      ") })
    let program = try TileProgram(lowering: Pipeline.run(Pipeline.standard, on: traced))
    #expect(program.text == program.printedLines.map(\.text).joined(separator: "\n") + "\n")
    // A line belongs to the layer that the comment before it names.
    let lines = program.printedLines
    for (comment, node) in zip(lines, lines.dropFirst()) where comment.text.contains("// ") {
      #expect(comment.text.hasSuffix("// \(node.scope.path)"))
    }
  }

  @Test("panels cover every weight of a mask, and each item of a loop runs once")
  func pictures() throws {
    let model = try Model(
      .maf(.init(transforms: 2, network: .init(hiddenFeatures: [16, 16]))), features: 5, seed: 1)
    let report = try FunctionReport("sample", of: model, dtype: .f32)
    #expect(report.masks.count == 6)
    for mask in report.masks {
      #expect(mask.before?.count == mask.after.count)
      for output in 0..<mask.after.rows {
        let panel = mask.panels.first { $0.outputs.contains(output) }
        for input in 0..<mask.after.columns where mask.after[output, input] {
          #expect(panel?.inputs.contains(input) == true)
        }
      }
    }
    #expect(report.program.timelines.map { $0.steps } == [5, 5])
    for row in report.program.timelines.flatMap({ $0.rows }) where row.node.text.hasPrefix("group")
    {
      #expect(row.items == [1, 1, 1, 1, 1])
    }
    for memory in report.program.memories {
      #expect(memory.buffers.allSatisfy { $0.offset + $0.elements <= memory.elements })
    }
  }

  @Test("the page is written whole, and flags that don't go with it are refused")
  func page() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = folder + "/m<b>.safetensors"
    try Model(.maf(.init(transforms: 1)), features: 2, seed: 1).save(to: model)
    let page = folder + "/r.html"
    let written = try command.flowir("dump", model, "--html", page)
    #expect(written.status == 0 && written.output.isEmpty, "\(written.errors)")
    let text = try String(contentsOfFile: page, encoding: .utf8)
    #expect(text.hasPrefix("<!doctype html>") && text.hasSuffix("</html>\n"))
    #expect(!text.contains("<b>.safetensors") && !text.contains("http"))
    let refused = [
      (["--html", page, "--dot"], "leave out"), (["--profile"], "goes with --html"),
      (["--html", page, "--function", "nothing"], "unknown function 'nothing'"),
      (["--html", folder + "/none/r.html"], "none"),
    ]
    for (arguments, reason) in refused {
      let outcome = try command.flowir(["dump", model] + arguments)
      #expect(outcome.status != 0 && outcome.errors.contains(reason), "\(outcome.errors)")
    }
  }

  @Test("a graph has each node once, in the box of its layer, and every edge has two ends")
  func graph() throws {
    let model = try Model(.maf(.init(transforms: 2)), features: 3, seed: 1)
    let traced = try tracedFunction("sample", of: model, dtype: .f32)
    let function = try Pipeline.run(Pipeline.standard, on: traced)
    for text in [GraphText(function).text, GraphText(try TileProgram(lowering: function)).text] {
      var (nodes, open, layers) = (Set<Substring>(), [Substring](), Set<Substring>())
      for line in text.split(separator: "\n").map({ $0.drop { $0 == " " } }) {
        if line.hasPrefix("subgraph") {
          open.append(line)
          layers.insert(line)
        } else if line == "}" {
          _ = open.popLast()
        } else if line.contains(" -> ") {
          let ends = line.split(separator: " ")
          #expect(nodes.contains(ends[0]), "\(line)")
          let last = ends[2].hasSuffix(";") ? ends[2].dropLast() : ends[2]
          #expect(nodes.contains(last), "\(line)")
        } else if line.contains("[label=") {
          #expect(nodes.insert(line.prefix { $0 != " " }).inserted)
        }
      }
      #expect(open.isEmpty && layers.contains { $0.contains("transform.transforms.1.hyper.2") })
    }
  }

  @Test("bench times what it is asked for, of a model and of a shared object")
  func bench() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = folder + "/m.safetensors"
    try Model(.maf(.init(transforms: 1)), features: 2, context: 1, seed: 1).save(to: model)
    let object = folder + "/libm.so"
    let names = ["log_prob", "sample", "inverse"]
    _ = try command.flowir(
      "compile", model, "--output", object, "--function", names.joined(separator: ","))
    for path in [model, object] {
      let timed = try command.flowir(
        "bench", path, "--rows", "1,1e3", "--seconds", "0.01", "--json", "--function",
        names.joined(separator: ","))
      #expect(timed.status == 0, "\(timed.errors)")
      guard case .array(let calls)? = try JSONValue.parse(timed.output.utf8)["calls"] else {
        Issue.record("\(timed.output)")
        continue
      }
      #expect(calls.map { $0["function"] } == names.flatMap { [.string($0), .string($0)] })
      #expect(calls.map { $0["rows"] } == names.flatMap { _ in [.integer(1), .integer(1000)] })
    }
    let lacking = try command.flowir("bench", object, "--function", "transform")
    #expect(lacking.status == 1 && lacking.errors.contains("transform"), "\(lacking.errors)")
    let wrong = try command.flowir("bench", model, "--function", "exp")
    #expect(wrong.status == 2 && wrong.errors.contains("unknown function 'exp'"))
  }
}
