import Foundation
import Testing

@testable import FlowCodegen

/// Compares the description of each kernel that generated code calls with the kernel's header.
@Suite struct KernelCallTests {
  private static let items = CItems(begin: "0", end: "1", items: CVariable.none)
  private static let systems = KernelCall.Systems(
    step: 0, vectors: 1, n: 1, upper: false, unit: false)

  /// One call of each kernel. A layer's own kernel is left out, since a macro makes it.
  private static let calls: [KernelCall] = [
    .pack(
      panels: "", count: 0, source: "", rows: "", columns: "", bias: nil, mask: nil, packed: ""),
    .weightGradient(
      gy: "", x: "", inputs: 0, xt: "", stride: 0, blocks: "", count: 0, gw: ""),
    .chosenRows(condition: "", x: "", n: 0, target: ""),
    .combineSums(sums: "", stride: "", slots: "", target: ""),
    .combine(
      slots: "", slotSize: "", count: "", stride: 0, inputs: 0, mask: "", rows: "", columns: "",
      target: ""),
    .combineEntries(
      slots: "", slotSize: "", count: "", runs: "", runCount: 0, stride: 0, mask: "", inputs: 0,
      target: ""),
    .rootStart(r: "", items), .rootStep(r: "", items), .rootOpen(r: "", items),
    .rootSteps(r: "", items: "", count: ""),
    .rootGather(r: "", items, s: "", spans: "", from: "", to: "", m: ""),
    .rootTrade(s: "", spans: "", begin: "", end: "", m: ""),
    .inverseStart(t: "", r: "", items), .inverseTargets(t: "", tile: "", target: "", n: 0),
    .inversePut(t: "", tile: "", r: "", n: 0),
    .node(a: "", b: "", u: "", w: "", t: "", dt: "", items),
    .noLength(a: "", b: "", items),
    .accumulate(sums: "", values: "", first: "", items),
    .gather(source: "", at: "", target: ""),
    .matrixExponential(matrix: "", n: 0, work: "", out: ""),
    .cholesky(a: "", n: 0, lower: ""),
    .triangularSolve(a: "", b: "", x: "", systems),
    .solveTile(a: "", b: "", x: "", systems),
    .solveTileRows(a: "", b: "", x: "", systems),
    .loadTile(source: "", n: 0, tile: ""),
    .loadGroups(source: "", n: 0, row: "", size: "", tile: ""),
    .storeTile(tile: "", n: 0, target: ""),
    .fill(target: "", value: "", n: 0), .fillFrom(target: "", source: "", n: 0),
    .copy(target: "", source: "", n: 0),
    .copyElements(begin: "", end: "", target: "", to: "", source: "", at: ""),
    .clearRows(tile: "", n: 0), .addRowSums(tile: "", n: 0, sums: ""),
    .random(
      normal: true, key0: "", key1: "", firstRow: "", numbers: "", stream: 0, n: 0, tile: ""),
    .randomShared(normal: true, key0: "", key1: "", stream: 0, out: ""),
    .odeBegin(c: "", t0: "", t1: ""), .odeTime(c: "", t: ""),
    .odePoint(c: "", n: 0, x: "", k: "", y: ""),
    .odeCheck(c: "", n: 0, x: "", k: "", atol: "", rtol: ""), .odeProbe(c: ""),
    .odeChange(c: "", n: 0, x: "", k: "", atol: "", rtol: ""), .odeGuess(c: ""),
    .odeError(c: "", n: 0, x: "", k: "", y: "", atol: "", rtol: ""),
    .odeRecord(c: "", width: 0, record: ""),
    .odeMove(c: "", n: 0, x: "", k: "", y: "", width: 0, record: ""),
    .odeNext(c: "", most: 0), .odeSave(g: "", tile: ""), .odeRestore(g: "", tile: ""),
    .odeOpen(g: ""), .odeMoving(c: ""), .odeSeat(g: ""), .odeEnd(c: ""),
    .odePause(c: "", steps: "", width: 0, record: ""),
    .odeRest(c: "", n: 0, x: "", steps: "", width: 0, record: ""),
    .odeRecall(c: "", record: ""), .odeCotangent(c: "", n: 0, y: "", h: "", g: ""),
    .odePull(c: "", n: 0, h: "", y: ""), .odeAdd(c: "", n: 0, part: "", sum: ""),
  ]

  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static func text(of folder: String, suffix: String) throws -> String {
    let url = root.appendingPathComponent(folder)
    return try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
      .filter { $0.hasSuffix(suffix) }
      .map { try String(contentsOf: url.appendingPathComponent($0), encoding: .utf8) }
      .joined(separator: "\n")
  }

  /// The names of the parameters of each function in the headers.
  private static func parameters() throws -> [String: [String]] {
    let headers = try text(of: "Sources/CFlowKernels/include", suffix: ".h")
    let function = try NSRegularExpression(pattern: #"\b(fk_\w+)\(([^(){};]*)\)\s*\{"#)
    var found: [String: [String]] = [:]
    let whole = NSRange(headers.startIndex..., in: headers)
    for match in function.matches(in: headers, range: whole) {
      guard let name = Range(match.range(at: 1), in: headers),
        let list = Range(match.range(at: 2), in: headers)
      else { continue }
      found[String(headers[name])] = headers[list].split(separator: ",").map { parameter in
        String(
          parameter.reversed().prefix { $0.isLetter || $0.isNumber || $0 == "_" }.reversed())
      }
    }
    return found
  }

  @Test(
    "the parameters of a call are those of its kernel, by name and in order",
    arguments: calls.indices)
  func parameters(index: Int) throws {
    let call = Self.calls[index]
    let expected = try #require(Self.parameters()[call.name], "\(call.name) is in no header")
    #expect(call.arguments.map(\.parameter) == expected, "\(call.name)")
  }

  @Test("every kernel that is described is compared")
  func complete() throws {
    let described = try Self.text(of: "Sources/FlowCodegen/C/Kernels", suffix: "Kernels.swift")
    let quoted = try NSRegularExpression(pattern: #""(fk_\w+)""#)
    let whole = NSRange(described.startIndex..., in: described)
    let names = quoted.matches(in: described, range: whole).compactMap { match in
      Range(match.range(at: 1), in: described).map { String(described[$0]) }
    }
    #expect(Set(names) == Set(Self.calls.map(\.name)))
  }
}
