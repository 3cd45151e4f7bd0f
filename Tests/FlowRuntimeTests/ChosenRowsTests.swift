import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Weight gradients of rows that a condition chooses.
@Suite struct ChosenRowsTests {
  /// The weight gradient of `g` and `exp(x)`, in rows with a finite `p`.
  private func function(columns: Int) throws -> Function {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([columns], .f64))
    let g = builder.argument("g", .row([7], .f64))
    let p = builder.argument("p", .row([], .f64))
    let finite = try builder.emit(
      .broadcast([columns]), try builder.emit(.unary(.isFinite), p))
    let chosen = try builder.emit(
      .select, finite, try builder.emit(.unary(.exp), x),
      builder.splat(0, shape: [columns], dtype: .f64))
    let gradient = try builder.emit(.linearWeightGradient(nil), g, chosen)
    return builder.finish(results: [FunctionResult(name: "w", value: gradient)])
  }

  /// Three columns are multiplied with the lanes over rows, forty over columns.
  @Test("a row that is not chosen adds nothing, whatever its numbers are", arguments: [3, 40])
  func rows(columns: Int) throws {
    let function = try function(columns: columns)
    let compiled = try CompiledFunction(.withoutPasses(function))
    let rows = 300
    func check(bad: Set<Int>) throws {
      let x = (0..<rows * columns).map {
        bad.contains($0 / columns) ? Double.nan : cos(Double($0) * 1.3)
      }
      let g = (0..<rows * 7).map { sin(Double($0) * 0.7) }
      let p = (0..<rows).map { bad.contains($0) ? -Double.infinity : 1 }
      let exact = try Interpreter.run(function, ["x": x, "g": g, "p": p], rows: rows)
      let found = try compiled(
        [
          "x": HostArray(x, shape: [rows, columns]), "g": HostArray(g, shape: [rows, 7]),
          "p": HostArray(p, shape: [rows]),
        ], rows: rows)
      let wanted = try #require(exact["w"]?.values)
      let numbers = try #require(found["w"]?.doubles)
      // Sums of 300 products of numbers up to e, added in another order.
      for (a, b) in zip(numbers, wanted) { #expect(abs(a - b) < 1e-12) }
      #expect(wanted.allSatisfy { $0 != 0 && $0.isFinite })
    }
    try check(bad: [])
    try check(bad: [0, 77, 299])
  }
}
