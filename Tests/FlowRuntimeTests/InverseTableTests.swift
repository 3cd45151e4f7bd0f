import FlowCodegen
import FlowIR
import FlowRuntime
import Foundation
import Testing

/// Roots of functions that are the same for all rows, whose searches start from a table.
@Suite struct InverseTableTests {
  /// x with `w x + tanh x = y`, and with y kept within ±2 if it is clamped.
  private func root(
    _ dtype: DType, isClamped: Bool, kind: FunctionArgument.Kind = .parameter
  ) throws -> Function {
    let clamp = """
        %lo = constant -2.0 : 3 x DTYPE
        %hi = constant 2.0 : 3 x DTYPE
        %a = greater %y, %hi : rows x 3 x bool
        %m = select %a, %hi, %y : rows x 3 x DTYPE
        %b = less %m, %lo : rows x 3 x bool
        %t = select %b, %lo, %m : rows x 3 x DTYPE
      """
    let text = """
      flowir 1
      func @f(input %y: rows x 3 x DTYPE, \(kind == .parameter ? "parameter" : "input") %w: 3 x DTYPE) {
      \(isClamped ? clamp : "")
        %x = monotone_root \(isClamped ? "%t" : "%y") lower -inf upper inf : rows x 3 x DTYPE
          (%z: rows x 3 x DTYPE) {
            %h = tanh %z : rows x 3 x DTYPE
            %l = multiply %z, %w : rows x 3 x DTYPE
            %f = add %l, %h : rows x 3 x DTYPE
            %q = square %h : rows x 3 x DTYPE
            %o = constant 1.0 : 3 x DTYPE
            %d = subtract %o, %q : rows x 3 x DTYPE
            %s = add %w, %d : rows x 3 x DTYPE
            yield %f, %s
          }
        return x = %x
      }
      """
    return try Module(parsing: text.replacingOccurrences(of: "DTYPE", with: dtype.rawValue))
      .functions[0]
  }

  /// Knots, their neighbours, numbers between and beyond them.
  private static let targets: [Double] =
    [0, -0.0, 1e-40, 1e-8, 0.015625, 0.0156250001, 0.7, 1, 1.03125, 1.9999, 2, 2.0001, 3, 7.2]
    + [14.99, 15, 15.01, 400, 1e6, 1e30, .infinity, .nan]

  @Test(
    "roots from a table are those of the interpreter, on knots, between and beyond them",
    arguments: [DType.f32, .f64], [false, true])
  func accuracy(dtype: DType, isClamped: Bool) throws {
    let function = try root(dtype, isClamped: isClamped)
    #expect(try TileProgram(lowering: function).text.contains("from inverse 0"))
    let numbers = Self.targets + Self.targets.map { -$0 }
    let y = numbers.flatMap { [$0, $0, $0] }.map { dtype == .f32 ? Double(Float($0)) : $0 }
    let w = [0.25, 1, 30]
    let rows = numbers.count
    let found = try #require(
      CompiledFunction(.withoutPasses(function))(
        ["y": HostArray(y, shape: [rows, 3]), "w": HostArray(w, shape: [3])], rows: rows)["x"]?
        .doubles)
    let exact = try #require(
      Interpreter.run(root(.f64, isClamped: isClamped), ["y": y, "w": w], rows: rows)["x"]?.values)
    // A root is as exact as the function, which rounds a few times, over the slope.
    let unit = dtype == .f32 ? 1.2e-7 : 2.3e-16
    let smallest = dtype == .f32 ? Double(Float.leastNonzeroMagnitude) : 5e-324
    for (index, (a, b)) in zip(found, exact).enumerated() {
      #expect(
        a == b || (a.isNaN && b.isNaN) || abs(a - b) <= 8 * (unit * abs(b) + smallest),
        "\(y[index]): \(a), not \(b)")
    }
  }

  @Test("a row's bits depend on no other row, nor on the number of threads")
  func alone() throws {
    let compiled = try CompiledFunction(.withoutPasses(root(.f32, isClamped: false)))
    let rows = 200
    let y = (0..<rows * 3).map { 18 * sin(Double($0) * 1.7) }
    let w = HostArray([0.25, 1, 30], shape: [3])
    let all = try compiled(["y": HostArray(y, shape: [rows, 3]), "w": w], rows: rows, threads: 3)
    let bits = try #require(all["x"]?.doubles)
    for row in stride(from: 0, to: rows, by: 13) {
      let own = Array(y[row * 3..<row * 3 + 3])
      let one = try compiled(["y": HostArray(own, shape: [1, 3]), "w": w], rows: 1, threads: 1)
      #expect(try #require(one["x"]).doubles == Array(bits[row * 3..<row * 3 + 3]), "row \(row)")
    }
  }

  @Test("parameters of NaN have no root, and those of a call have no table")
  func parameters() throws {
    let y = HostArray([0.5, 0.5, 0.5], shape: [1, 3])
    for kind in [FunctionArgument.Kind.parameter, .input] {
      let function = try root(.f64, isClamped: true, kind: kind)
      let hasTable = try TileProgram(lowering: function).text.contains("invert 0")
      #expect(hasTable == (kind == .parameter))
      let w = HostArray([0.25, .nan, 30], shape: [3])
      let found = try #require(
        CompiledFunction(.withoutPasses(function))(["y": y, "w": w], rows: 1)["x"]?.doubles)
      #expect(found[1].isNaN)
      for (x, w) in [(found[0], 0.25), (found[2], 30.0)] {
        #expect(abs(w * x + tanh(x) - 0.5) <= 1e-15)
      }
    }
  }
}
