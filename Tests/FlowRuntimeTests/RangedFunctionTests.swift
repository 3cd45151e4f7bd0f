import FlowIR
import FlowPasses
import Foundation
import Testing

@testable import FlowCodegen
@testable import FlowRuntime

/// Logarithms of numbers that are known not to be small, negative or negative zeros.
@Suite struct RangedFunctionTests {
  /// A function of x with what stands in `body`, which gives %r.
  private static func function(_ dtype: DType, _ body: String) throws -> Function {
    let text = """
      flowir 1
      func @f(input %x : rows x 8 x DTYPE, input %y : rows x 8 x DTYPE) {
        %one = constant 1.0 : 8 x DTYPE
        %small = constant 0.001 : 8 x DTYPE
        %tiny = constant 1e-31 : 8 x DTYPE
        %zero = constant 0.0 : 8 x DTYPE
        %below = constant -0.0 : 8 x DTYPE
        %m = less %x, %y : rows x 8 x bool
        \(body.split(separator: "\n").joined(separator: "\n  "))
        return r = %r
      }
      """
    return try Module(parsing: text.replacingOccurrences(of: "DTYPE", with: dtype.rawValue))
      .functions[0]
  }

  private static let type = " : rows x 8 x DTYPE"
  private static let (normal, size) = (
    RangedFunction.normalLogarithm.text, RangedFunction.sizeLogarithm.text
  )

  /// Logarithms of numbers that cannot be small.
  private static let normalLogarithms = [
    "%s = square %x\(type)\n%a = add %s, %small\(type)\n%r = log %a\(type)",
    "%s = absolute %x\(type)\n%a = add %one, %s\(type)\n%r = log %a\(type)",
    "%e = exp %x\(type)\n%f = sigmoid %y\(type)\n%p = multiply %e, %f\(type)\n"
      + "%a = add %p, %small\(type)\n%r = log %a\(type)",
    "%s = multiply %x, %x\(type)\n%q = divide %s, %one\(type)\n%a = add %q, %small\(type)\n"
      + "%c = select %m, %a, %one\(type)\n%r = log %c\(type)",
    "%s = square %x\(type)\n%t = reduce_sum %s axis 0 : rows x DTYPE\n"
      + "%b = broadcast %t : rows x 8 x DTYPE\n%a = add %b, %small\(type)\n"
      + "%r = log %a\(type)",
  ]

  /// Logarithms of one and a number that is not negative.
  private static let sizeLogarithms = [
    "%s = absolute %x\(type)\n%r = log1p %s\(type)",
    "%s = square %x\(type)\n%a = add %s, %zero\(type)\n%r = log1p %a\(type)",
    "%e = exp %x\(type)\n%r = log1p %e\(type)",
  ]

  /// Logarithms of any numbers.
  private static let others = [
    "%r = log %x\(type)", "%r = log1p %x\(type)",
    "%s = square %x\(type)\n%r = log %s\(type)",
    "%s = square %x\(type)\n%a = add %s, %tiny\(type)\n%r = log %a\(type)",
    "%s = square %x\(type)\n%p = multiply %s, %small\(type)\n%r = log %p\(type)",
    "%s = square %x\(type)\n%a = subtract %s, %small\(type)\n%r = log %a\(type)",
    "%a = add %x, %one\(type)\n%r = log %a\(type)",
    "%s = absolute %x\(type)\n%p = multiply %s, %x\(type)\n%r = log1p %p\(type)",
    "%s = absolute %x\(type)\n%c = select %m, %s, %y\(type)\n%r = log1p %c\(type)",
    "%s = absolute %x\(type)\n%c = select %m, %s, %below\(type)\n%r = log1p %c\(type)",
    "%s = absolute %x\(type)\n%n = negate %s\(type)\n%r = log1p %n\(type)",
    "%s = absolute %x\(type)\n%p = multiply %s, %tiny\(type)\n%q = multiply %p, %tiny\(type)\n"
      + "%a = add %q, %tiny\(type)\n%r = log %a\(type)",
    "%c = constant 1e-46 : 8 x DTYPE\n%b = constant 1e38 : 8 x DTYPE\n%s = absolute %x\(type)\n"
      + "%a = add %s, %c\(type)\n%p = multiply %a, %b\(type)\n%r = log %p\(type)",
  ]

  @Test(
    "are found by how their operand is computed", arguments: normalLogarithms + sizeLogarithms)
  func found(body: String) throws {
    let mark = Self.normalLogarithms.contains(body) ? Self.normal : Self.size
    for dtype in [DType.f32, .f64] {
      let text = try TileProgram(lowering: Self.function(dtype, body)).text
      #expect(text.contains(mark), "\(body)\n\(text)")
    }
  }

  @Test("are not taken where the operand may be any number", arguments: others)
  func notFound(body: String) throws {
    let text = try TileProgram(lowering: Self.function(.f32, body)).text
    #expect(!text.contains(Self.normal) && !text.contains(Self.size), "\(body)\n\(text)")
  }

  @Test(
    "have the bits of any logarithm of the same number", arguments: [DType.f32, .f64],
    [TargetCPU.native] + TargetCPU.runnable)
  func bits(dtype: DType, cpu: TargetCPU) throws {
    let greatest = dtype == .f32 ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude
    let least = dtype == .f32 ? Double(Float.leastNonzeroMagnitude) : .leastNonzeroMagnitude
    let special = [
      0, least, 1e-20, 1e-9, 2.9e-8, 3.1e-8, 5.9e-8, 6e-8, 1e-7, 0.1, 0.5, 1, 1.5, 3.7, 80, 1e3,
      1e20, greatest, .infinity, .nan,
    ]
    var x = special.flatMap { [$0, -$0] }
    x += (0..<1000 * 8 - x.count).map { Double(Float(sinh(Double($0) * 0.004 - 16))) }
    let rows = x.count / 8
    for (function, before) in [
      ("log", "%s = absolute %x\(Self.type)\n%a = add %s, %small\(Self.type)"),
      ("log1p", "%a = absolute %x\(Self.type)"),
    ] {
      let (ranged, plain) = try (
        Self.function(dtype, "\(before)\n%r = \(function) %a\(Self.type)"),
        Self.function(dtype, "%r = \(function) %x\(Self.type)")
      )
      let operand = try Self.function(dtype, "\(before)\n%r = add %a, %zero\(Self.type)")
      let y = [Double](repeating: 1, count: x.count)
      func run(_ function: Function, _ x: [Double]) throws -> [Double] {
        let optimized = try OptimizedFunction(function, passes: Pipeline.forward)
        let compiled = try CompiledFunction(optimized, cpu: cpu)
        let inputs = ["x": HostArray(x, shape: [rows, 8]), "y": HostArray(y, shape: [rows, 8])]
        return try #require(compiled(inputs, rows: rows)["r"]?.doubles)
      }
      let values = try run(ranged, x)
      let others = try run(plain, try run(operand, x))
      for (index, (a, b)) in zip(values, others).enumerated() {
        #expect(
          a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN),
          "\(function) of \(x[index]): \(a), not \(b)")
      }
    }
  }
}
