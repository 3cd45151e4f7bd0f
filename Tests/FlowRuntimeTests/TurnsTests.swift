import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Chains of layers that are taken to their ends feature by feature.
@Suite struct TurnsTests {
  /// Two layers of 64 units for each of three features, and a sum over the features.
  private func chain(_ dtype: DType) throws -> Function {
    let text = """
      flowir 1
      mask @m0 = 192 x 3 "0,1,2*64 1,1,1*64 2,1*64"
      mask @m1 = 192 x 192 "0,64,128*64 64,64,64*64 128,64*64"
      func @f(
        input %x: rows x 3 x DTYPE, parameter %v: 192 x 3 x DTYPE, parameter %w: 192 x 192 x DTYPE
      ) {
        %a = linear %x, %v mask @m0 : rows x 192 x DTYPE
        %b = elu %a : rows x 192 x DTYPE
        %c = linear %b, %w mask @m1 : rows x 192 x DTYPE
        %d = elu %c : rows x 192 x DTYPE
        %e = reshape %d : rows x 3 x 64 x DTYPE
        %g = reduce_sum %e axis 1 : rows x 3 x DTYPE
        %s = reduce_sum %g axis 0 : rows x DTYPE
        return g = %g, s = %s
      }
      """
    return try Module(parsing: text.replacingOccurrences(of: "DTYPE", with: dtype.rawValue))
      .functions[0]
  }

  @Test(
    "each row has the interpreter's values, and the same bits in a vector, a tile and several",
    arguments: [DType.f32, .f64])
  func rows(dtype: DType) throws {
    let function = try chain(dtype)
    let compiled = try CompiledFunction(.withoutPasses(function))
    var random = SystemRandomNumberGenerator()
    func values(_ count: Int) -> [Double] {
      (0..<count).map { _ in Double(Float.random(in: -1...1, using: &random)) }
    }
    let (x, v, w) = (values(200 * 3), values(192 * 3), values(192 * 192))
    func run(_ rows: Int) throws -> [String: HostArray] {
      try compiled(
        [
          "x": HostArray(Array(x.prefix(rows * 3)), shape: [rows, 3]),
          "v": HostArray(v, shape: [192, 3]), "w": HostArray(w, shape: [192, 192]),
        ], rows: rows)
    }
    let all = try run(200)
    let exact = try Interpreter.run(function, ["x": x, "v": v, "w": w], rows: 200)
    // Sums of 64 products of numbers below 1, then of 192 of those, each up to 10.
    let tolerance = dtype == .f32 ? 1e-3 : 1e-11
    for name in ["g", "s"] {
      let found = try #require(all[name]?.doubles)
      let expected = try #require(exact[name]?.values)
      #expect(found.count == expected.count)
      for (a, b) in zip(found, expected) { #expect(abs(a - b) <= tolerance) }
      for rows in [1, 5, 70] {
        let few = try #require(run(rows)[name]?.doubles)
        #expect(few == Array(found.prefix(few.count)))
      }
    }
  }
}
