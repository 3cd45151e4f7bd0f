import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

@testable import FlowCodegen

/// Exponentials of numbers that `x / (1 + |x / b|)` keeps between -b and b, which need no care for overflow.
@Suite struct NormalExponentialTests {
  /// exp(x / (1 + |x| c)), with the size that is divided by written as given.
  private static func function(_ dtype: DType, _ size: String, numerator: String = "%x") throws
    -> Function
  {
    let text = """
      flowir 1
      func @f(input %x : rows x 8 x DTYPE) {
        %o = constant 1.0 : 8 x DTYPE
        \(size)
        %d = add %s, %o : rows x 8 x DTYPE
        %q = divide \(numerator), %d : rows x 8 x DTYPE
        %n = negate %q : rows x 8 x DTYPE
        %e = exp %q : rows x 8 x DTYPE
        %r = exp %n : rows x 8 x DTYPE
        return exponent = %q, e = %e, reverse = %r
      }
      """
    return try Module(parsing: text.replacingOccurrences(of: "DTYPE", with: dtype.rawValue))
      .functions[0]
  }

  private static func sizeOfProduct(_ factor: Double) -> String {
    """
    %c = constant \(factor) : 8 x DTYPE
        %p = multiply %x, %c : rows x 8 x DTYPE
        %s = absolute %p : rows x 8 x DTYPE
    """
  }

  private static func productOfSize(_ factor: Double) -> String {
    """
    %c = constant \(factor) : 8 x DTYPE
        %a = absolute %x : rows x 8 x DTYPE
        %s = multiply %c, %a : rows x 8 x DTYPE
    """
  }

  private static let mark = "normal exponentials"

  @Test(
    "are found by how the number is bounded",
    arguments: [
      sizeOfProduct(0.0125), productOfSize(0.0125), sizeOfProduct(-0.3), productOfSize(4),
    ])
  func found(size: String) throws {
    for dtype in [DType.f32, .f64] {
      let text = try TileProgram(lowering: Self.function(dtype, size)).text
      #expect(text.contains(Self.mark), "\(size)\n\(text)")
    }
  }

  @Test(
    "are not taken where numbers may be larger",
    arguments: [
      (sizeOfProduct(0.0124), "%x"), (productOfSize(0.0124), "%x"), (productOfSize(0), "%x"),
      (productOfSize(-0.3), "%x"), (sizeOfProduct(0.3), "%s"),
    ])
  func notFound(size: String, numerator: String) throws {
    let function = try Self.function(.f32, size, numerator: numerator)
    let text = try TileProgram(lowering: function).text
    #expect(!text.contains(Self.mark), "\(size)\n\(text)")
  }

  @Test(
    "have the bits of any exponential of the same number",
    arguments: [DType.f32, .f64], [sizeOfProduct(0.0125), productOfSize(0.3)])
  func bits(dtype: DType, size: String) throws {
    let greatest = dtype == .f32 ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude
    let least = dtype == .f32 ? Double(Float.leastNonzeroMagnitude) : .leastNonzeroMagnitude
    let sizes = [0, least, 1e-20, 0.1, 1, 3.7, 80, 1e3, 1e6, 1e20, greatest, .infinity, .nan]
    var x = sizes.flatMap { [$0, -$0] }
    x += (0..<1000 * 8 - x.count).map { Double(Float(sinh(Double($0) * 0.004 - 16))) }
    let rows = x.count / 8
    let function = try Self.function(dtype, size)
    let found = try CompiledFunction(OptimizedFunction(function, passes: Pipeline.forward))(
      ["x": HostArray(x, shape: [rows, 8])], rows: rows)
    let text = """
      flowir 1
      func @g(input %q : rows x 8 x DTYPE) {
        %n = negate %q : rows x 8 x DTYPE
        %e = exp %q : rows x 8 x DTYPE
        %r = exp %n : rows x 8 x DTYPE
        return e = %e, reverse = %r
      }
      """.replacingOccurrences(of: "DTYPE", with: dtype.rawValue)
    let plain = try Module(parsing: text).functions[0]
    try #require(try !TileProgram(lowering: plain).text.contains(Self.mark))
    let exponent = try #require(found["exponent"]?.doubles)
    let expected = try CompiledFunction(OptimizedFunction(plain, passes: Pipeline.forward))(
      ["q": HostArray(exponent, shape: [rows, 8])], rows: rows)
    #expect(exponent.contains { abs($0) > (size == Self.sizeOfProduct(0.0125) ? 79 : 3.3) })
    for name in ["e", "reverse"] {
      let values = try #require(found[name]?.doubles)
      let others = try #require(expected[name]?.doubles)
      for (index, (a, b)) in zip(values, others).enumerated() {
        #expect(a == b || (a.isNaN && b.isNaN), "\(name) of \(x[index]): \(a), not \(b)")
      }
    }
  }
}
