import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Solutions for the rows of several tiles together.
extension ODETests {
  @Test("rows of many tiles are solved together, and none of their bits depends on the others")
  func groups() throws {
    // Steps differ: some rows turn fast, some start at infinity, and tiles of 8 to 64 rows fill groups.
    let rows = 2500
    var arguments = Self.arguments(rows: rows)
    arguments["c"] = (0..<rows * 2).map { Double($0 / 2 % 37) + cos(Double($0)) }
    for row in [3, 700, 2499] { arguments["x"]?[2 * row] = .infinity }
    for dtype in [DType.f64, .f32] {
      let control = dtype == .f64 ? ODEControl(atol: 1e-9, rtol: 1e-9) : ODEControl()
      let function = try Self.solve(control, dtype: dtype, features: 2) { builder, t, x, c, w in
        let angle = try builder.emit(
          .binary(.multiply), c, try builder.emit(.broadcast([2]), t))
        let force = try builder.emit(.unary(.cos), angle)
        return try builder.emit(.binary(.add), force, try builder.emit(.linear(nil), x, w))
      }
      let compiled = try CompiledFunction(OptimizedFunction(function))
      let found = try #require(
        try Self.run(compiled, arguments, rows: rows, threads: 1)["x1"])
      let bits = found.map(\.bitPattern)
      for threads in [2, 3] {
        let other = try Self.run(compiled, arguments, rows: rows, threads: threads)["x1"]
        #expect(other?.map(\.bitPattern) == bits, "\(threads) threads")
      }
      func some(_ chosen: [Int]) -> [String: [Double]] {
        var some = arguments
        for name in ["x", "c"] {
          let all = arguments[name] ?? []
          some[name] = chosen.flatMap { [all[2 * $0], all[2 * $0 + 1]] }
        }
        return some
      }
      // The interpreter solves some rows of every tile.
      let checked = (0..<rows).filter { $0 % 10 == 0 || [3, 700, 2499].contains($0) }
      let exact = try #require(
        try Interpreter.run(function, some(checked), rows: checked.count)["x1"]?.values)
      for (place, row) in checked.enumerated() {
        for feature in 0..<2 {
          let isGone = [3, 700, 2499].contains(row)
          let value = found[2 * row + feature]
          let error = abs(value - exact[2 * place + feature])
          #expect(isGone ? value.isNaN : error < (dtype == .f64 ? 1e-10 : 5e-5))
        }
      }
      // A call of some rows in another order, and one of each alone.
      for chosen in [(0..<rows).reversed().filter { $0 % 3 == 1 }, [17], [2], [1200]] {
        let own = try Self.run(compiled, some(chosen), rows: chosen.count)["x1"] ?? []
        let expected = chosen.flatMap { [bits[2 * $0], bits[2 * $0 + 1]] }
        #expect(own.map(\.bitPattern) == expected, "\(chosen.count) rows")
      }
    }
  }

  @Test("several equations in a row share what is saved, whichever of them saves more")
  func twoInARow() throws {
    for isLargeFirst in [true, false] {
      let builder = FunctionBuilder(name: "f")
      let x = builder.argument("x", .row([2], .f64))
      let c = builder.argument("c", .row([2], .f64))
      let w = builder.argument("w", .uniform([2, 2], .f64), .parameter)
      let zero = builder.splat(0, shape: [], dtype: .f64)
      let one = builder.splat(1, shape: [], dtype: .f64)
      func solved(_ states: [Value]) throws -> [Value] {
        let types = [TensorType.row([], .f64)] + states.map { _ in .row([2], .f64) }
        let region = builder.beginRegion(types)
        var derivatives: [Value] = []
        for state in region.dropFirst() {
          let product = try builder.emit(.linear(nil), state, w)
          derivatives.append(try builder.emit(.binary(.add), c, product))
        }
        return try builder.append(
          .odeSolve(Self.tight, isRecorded: false), [zero, one] + states,
          regions: [builder.endRegion(results: derivatives)])
      }
      var states = try solved(isLargeFirst ? [x, c] : [x])
      states = try solved(isLargeFirst ? [states[0]] : [states[0], c])
      let last = try solved([states[0]])[0]
      let sum = try builder.emit(.binary(.add), last, x)
      let function = builder.finish(results: [FunctionResult(name: "x1", value: sum)])
      let arguments = Self.arguments(rows: 300)
      let compiled = try CompiledFunction(OptimizedFunction(function))
      let found = try #require(try Self.run(compiled, arguments, rows: 300)["x1"])
      let exact = try #require(try Interpreter.run(function, arguments, rows: 300)["x1"]?.values)
      let error = zip(found, exact).map { abs($0 - $1) / (1 + abs($1)) }.max() ?? .infinity
      // The same steps in float64 but for roundings, on solutions that grow to about 100.
      #expect(found.count == 600 && error < 1e-10, "\(error)")
    }
  }
}
