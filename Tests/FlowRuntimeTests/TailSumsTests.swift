import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Sums of erfc of numbers and of their negatives, as `tailSums` writes them.
@Suite struct TailSumsTests {
  /// The sums of erfc z, erfc -z and erf z over eight numbers of each of two items.
  private func sums(_ dtype: DType) throws -> Function {
    let text = """
      flowir 1
      func @f(input %z : rows x 2 x 8 x DTYPE) {
        %n = negate %z : rows x 2 x 8 x DTYPE
        %p = erfc %z : rows x 2 x 8 x DTYPE
        %q = erfc %n : rows x 2 x 8 x DTYPE
        %e = erf %z : rows x 2 x 8 x DTYPE
        %upper = reduce_sum %p axis 1 : rows x 2 x DTYPE
        %lower = reduce_sum %q axis 1 : rows x 2 x DTYPE
        %middle = reduce_sum %e axis 1 : rows x 2 x DTYPE
        return upper = %upper, lower = %lower, middle = %middle
      }
      """
    return try Module(parsing: text.replacingOccurrences(of: "DTYPE", with: dtype.rawValue))
      .functions[0]
  }

  /// Sizes that the numbers of a row have in common, on both sides of where the series of erf ends, and offsets that
  /// lead them into either tail.
  private static let sizes = [0, 1e-30, 1e-12, 1e-5, 0.003, 0.02, 0.0225, 0.03, 0.1, 0.7, 3]
  private static let offsets = [0, 1e-5, 0.03, -0.5, 2, -2.5, 4, -6]

  @Test(
    "both tails and the middle keep their digits, beside infinite and missing rows",
    arguments: [DType.f32, .f64])
  func digits(dtype: DType) throws {
    let function = try sums(dtype)
    let optimized = try OptimizedFunction(function, passes: Pipeline.forward)
    let complements = optimized.function.operations.filter { $0.opcode == .unary(.erfc) }
    try #require(complements.count == 1, "the pass has not joined both sums")
    var z: [Double] = []
    for offset in Self.offsets {
      for size in Self.sizes {
        z += (0..<16).map { offset + size * (1 + 0.1 * sin(Double($0))) }
      }
    }
    // So far out that erfc is no normal number, or none at all.
    for far in dtype == .f32 ? [9.1, 9.3, 9.5, 9.9, 30] : [26.4, 26.6, 26.9, 27.2, 90] {
      z += (0..<16).map { far + 0.01 * Double($0) }
      z += (0..<16).map { $0 % 2 == 0 ? far : 0.3 }
    }
    z += (0..<16).map { $0 == 3 ? .nan : 0.01 }
    z += (0..<16).map { $0 % 8 < 5 ? .infinity : -0.3 }
    if dtype == .f32 { z = z.map { Double(Float($0)) } }
    let rows = z.count / 16
    let found = try CompiledFunction(optimized)(
      ["z": HostArray(z, shape: [rows, 2, 8])], rows: rows)
    let exact = try Interpreter.run(function, ["z": z], rows: rows)
    let epsilon = dtype == .f32 ? 0x1p-24 : 0x1p-53
    for name in ["upper", "lower", "middle"] {
      let values = try #require(found[name]?.doubles)
      let expected = try #require(exact[name]?.values)
      for (index, (a, b)) in zip(values, expected).enumerated() {
        let numbers = z[index * 8..<index * 8 + 8]
        let isSmall = numbers.allSatisfy { abs($0) < 0.1 }
        // A sum of numbers of both signs has the rounding of its largest term; of numbers of one sign, or of the
        // sizes of small ones, its own.
        let scale = name == "middle" && !isSmall ? 8 : abs(b)
        // Terms that are no normal numbers may be left out.
        let least = dtype == .f32 ? 8 * 0x1p-126 : 8 * 0x1p-1022
        let isSame =
          a == b || (a.isNaN && b.isNaN) || abs(a - b) <= 256 * epsilon * scale + least
        #expect(isSame, "\(name) of \(Array(numbers)): \(a), not \(b)")
      }
    }
  }
}
