import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Groups whose last long function runs in a loop of its own.
@Suite struct GroupTailTests {
  /// log Σ exp x of 16 numbers for each of three items, where x_0 is positive; the sums themselves elsewhere.
  private func mixture(_ dtype: DType) throws -> Function {
    let text = """
      flowir 1
      func @f(input %x : rows x 3 x 16 x DTYPE) {
        %e = exp %x : rows x 3 x 16 x DTYPE
        %s = reduce_sum %e axis 1 : rows x 3 x DTYPE
        %a = slice %x axis 1 from 0 to 1 : rows x 3 x 1 x DTYPE
        %b = reshape %a : rows x 3 x DTYPE
        %zero = constant 0 : DTYPE
        %z = broadcast %zero : rows x 3 x DTYPE
        %m = greater %b, %z : rows x 3 x bool
        %l = log %s : rows x 3 x DTYPE
        %y = select %m, %l, %s : rows x 3 x DTYPE
        %t = reduce_sum %y axis 0 : rows x DTYPE
        return s = %s, y = %y, t = %t
      }
      """
    return try Module(parsing: text.replacingOccurrences(of: "DTYPE", with: dtype.rawValue))
      .functions[0]
  }

  @Test(
    "each row has the interpreter's values, and the same bits in a vector, a tile and several",
    arguments: [DType.f32, .f64])
  func rows(dtype: DType) throws {
    let function = try mixture(dtype)
    let compiled = try CompiledFunction(.withoutPasses(function))
    var random = SystemRandomNumberGenerator()
    let values = (0..<200 * 48).map { _ in
      Double(Float.random(in: -3...3, using: &random))
    }
    let all = try compiled(["x": HostArray(values, shape: [200, 3, 16])], rows: 200)
    let exact = try Interpreter.run(function, ["x": values], rows: 200)
    // Two functions within 1.3 ulp each, and a sum of 16 numbers.
    let tolerance = dtype == .f32 ? 4e-6 : 1e-14
    for name in ["s", "y", "t"] {
      let found = try #require(all[name]?.doubles)
      let expected = try #require(exact[name]?.values)
      #expect(found.count == expected.count)
      for (a, b) in zip(found, expected) { #expect(abs(a - b) <= tolerance * (1 + abs(b))) }
      for rows in [1, 5, 70] {
        let part = try compiled(
          ["x": HostArray(Array(values.prefix(rows * 48)), shape: [rows, 3, 16])], rows: rows)
        let few = try #require(part[name]?.doubles)
        #expect(few == Array(found.prefix(few.count)))
      }
    }
  }
}
