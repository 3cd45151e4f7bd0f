import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Groups with a part that runs only for vectors in which some row needs it.
@Suite struct GroupGuardTests {
  /// The log of a mixture of eight normal densities and the sum of their distributions, for each of three items.
  private func mixture(_ dtype: DType) throws -> Function {
    let text = """
      flowir 1
      func @f(parameter %u : 3 x 8 x DTYPE, input %x : rows x 3 x 8 x DTYPE) {
        %q = erfc %x : rows x 3 x 8 x DTYPE
        %w = reduce_sum %q axis 1 : rows x 3 x DTYPE
        %r = square %x : rows x 3 x 8 x DTYPE
        %l = subtract %u, %r : rows x 3 x 8 x DTYPE
        %m = reduce_maximum %l axis 1 : rows x 3 x DTYPE
        %k = is_finite %m : rows x 3 x bool
        %0 = constant 0.0 : 3 x DTYPE
        %h = select %k, %m, %0 : rows x 3 x DTYPE
        %b = reshape %h : rows x 3 x 1 x DTYPE
        %c = broadcast %b : rows x 3 x 8 x DTYPE
        %d = subtract %l, %c : rows x 3 x 8 x DTYPE
        %e = exp %d : rows x 3 x 8 x DTYPE
        %s = reduce_sum %e axis 1 : rows x 3 x DTYPE
        %n = equal %s, %0 : rows x 3 x bool
        %1 = constant 1.0 : 3 x DTYPE
        %t = select %n, %1, %s : rows x 3 x DTYPE
        %g = log %t : rows x 3 x DTYPE
        %a = add %g, %h : rows x 3 x DTYPE
        %i = constant -inf : 3 x DTYPE
        %y = select %n, %i, %a : rows x 3 x DTYPE
        return y = %y, w = %w
      }
      """
    return try Module(parsing: text.replacingOccurrences(of: "DTYPE", with: dtype.rawValue))
      .functions[0]
  }

  /// Numbers of rows of which some are so far out that densities underflow, one is infinite and one missing.
  private func numbers(rows: Int) -> [Double] {
    (0..<rows).flatMap { row -> [Double] in
      let far =
        switch row % 37 {
        case 5: 40.0
        case 11: -1e15
        case 17: 9.4
        case 23: Double.infinity
        case 29: Double.nan
        default: 0.0
        }
      return (0..<24).map { Double(Float(far + sin(Double(row * 24 + $0)))) }
    }
  }

  @Test(
    "near and far rows have the interpreter's values, and the same bits alone and among others",
    arguments: [DType.f32, .f64], [1.0, 50, -55])
  func rows(dtype: DType, exponent: Double) throws {
    let function = try mixture(dtype)
    let optimized = try OptimizedFunction(function, passes: Pipeline.forward)
    let sums = optimized.function.operations.filter { $0.opcode == .reduce(.sum, axis: 1) }
    try #require(sums.count > 2, "the pass has not summed the densities as they are")
    let compiled = try CompiledFunction(optimized)
    let u = (0..<24).map { Double(Float(exponent + 0.1 * Double($0 % 7))) }
    let x = numbers(rows: 150)
    func evaluate(_ rows: Range<Int>) throws -> [String: HostArray] {
      let part = Array(x[rows.lowerBound * 24..<rows.upperBound * 24])
      return try compiled(
        [
          "u": HostArray(u, shape: [3, 8]), "x": HostArray(part, shape: [rows.count, 3, 8]),
        ], rows: rows.count)
    }
    let all = try evaluate(0..<150)
    let exact = try Interpreter.run(function, ["u": u, "x": x], rows: 150)
    let tolerance = dtype == .f32 ? 2e-6 : 4e-15
    for name in ["y", "w"] {
      let found = try #require(all[name]?.doubles)
      let expected = try #require(exact[name]?.values)
      for (index, (a, b)) in zip(found, expected).enumerated() {
        let isSame = a == b || (a.isNaN && b.isNaN) || abs(a - b) <= tolerance * (1 + abs(b))
        #expect(isSame, "\(name) of row \(index / 3): \(a), not \(b)")
      }
      for row in [0, 5, 11, 17, 23, 29, 40] {
        let alone = try #require(try evaluate(row..<row + 1)[name]?.doubles)
        let among = found[row * 3..<row * 3 + 3]
        #expect(alone.map(\.bitPattern) == among.map(\.bitPattern), "\(name) of row \(row)")
      }
    }
  }
}
