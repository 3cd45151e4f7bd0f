import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Compiled matrix exponentials, Cholesky factors and triangular systems against closed forms and
/// the float64 interpreter.
@Suite struct LinearAlgebraTests {
  /// exp of an n x n matrix as compiled code gives it.
  private func exponential(_ a: [Double], _ n: Int, _ dtype: DType = .f64) throws -> [Double] {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("a", .uniform([n, n], dtype))
    let y = try builder.emit(.matrixExponential, x)
    let function = builder.finish(results: [FunctionResult(name: "y", value: y)])
    let found = try CompiledFunction(.withoutPasses(function))(
      ["a": HostArray(a, shape: [n, n])], rows: 1)
    return try #require(found["y"]?.doubles)
  }

  private func distance(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count else { return .infinity }
    let scale = b.map { $0.magnitude }.max() ?? 1
    return zip(a, b).map { ($0 - $1).magnitude }.reduce(0) { $0 > $1 ? $0 : $1 } / scale
  }

  @Test(
    "exponentials of rotations, of every degree and with squarings",
    arguments: [0.001, 0.1, 0.6, 1.5, 4, 10, 300])
  func rotations(angle: Double) throws {
    let found = try exponential([0, -angle, angle, 0], 2)
    let exact = [cos(angle), -sin(angle), sin(angle), cos(angle)]
    // Squaring s times doubles the rounding errors s times.
    #expect(distance(found, exact) < 2e-15 * Swift.max(angle, 1))
  }

  @Test("exponentials of nilpotent, diagonal and defective matrices")
  func closedForms() throws {
    #expect(
      try distance(
        exponential([0, 1, 2, 0, 0, 3, 0, 0, 0], 3), [1, 1, 3.5, 0, 1, 3, 0, 0, 1]) < 1e-15)
    #expect(
      try distance(
        exponential([-2, 0, 0, 0, 1, 0, 0, 0, 3], 3),
        [exp(-2), 0, 0, 0, exp(1), 0, 0, 0, exp(3)]) < 1e-14)
    // A Jordan block: e^2 (I + N).
    #expect(try distance(exponential([2, 1, 0, 2], 2), [exp(2), exp(2), 0, exp(2)]) < 1e-14)
    #expect(try exponential([.nan, 0, 0, 1], 2).allSatisfy(\.isNaN))
    #expect(try exponential([0, .infinity, 0, 1], 2).allSatisfy(\.isNaN))
    #expect(try exponential([0, 0, 0, 0], 2) == [1, 0, 0, 1])
  }

  @Test("exponentials agree with the interpreter's Taylor series", arguments: [DType.f64, .f32])
  func exponentials(dtype: DType) throws {
    for n in [1, 5, 17] {
      let a = (0..<n * n).map { Double(Float(sin(Double($0) * 1.7) * 1.3)) }
      let builder = FunctionBuilder(name: "f")
      let x = builder.argument("a", .uniform([n, n], .f64))
      let y = try builder.emit(.matrixExponential, x)
      let function = builder.finish(results: [FunctionResult(name: "y", value: y)])
      let exact = try #require(Interpreter.run(function, ["a": a], rows: 1)["y"]?.values)
      #expect(try distance(exponential(a, n, dtype), exact) < (dtype == .f64 ? 1e-13 : 6e-8))
    }
  }

  @Test("Cholesky factors multiply back; what is not positive definite gives NaN")
  func cholesky() throws {
    let n = 9
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("a", .uniform([n, n], .f64))
    let lower = try builder.emit(.cholesky, x)
    let product = try builder.emit(
      .matmul, lower, try builder.emit(.transpose([1, 0]), lower))
    let function = builder.finish(results: [
      FunctionResult(name: "l", value: lower), FunctionResult(name: "y", value: product),
    ])
    let a = (0..<n * n).map { i in
      Double(1 / (1 + abs(i / n - i % n))) + (i / n == i % n ? 1 : 0.1)
    }
    let compiled = try CompiledFunction(.withoutPasses(function))
    let found = try compiled(["a": HostArray(a, shape: [n, n])], rows: 1)
    #expect(distance(found["y"]?.doubles ?? [], a) < 1e-15)
    let exact = try Interpreter.run(function, ["a": a], rows: 1)
    #expect(distance(found["l"]?.doubles ?? [], exact["l"]?.values ?? []) < 1e-15)
    let indefinite = a.enumerated().map { $0 == (n - 1) * (n + 1) ? -1 : $1 }
    let failed = try compiled(["a": HostArray(indefinite, shape: [n, n])], rows: 1)
    #expect(failed["l"]?.doubles.last?.isNaN == true)
  }

  @Test("a uniform value that only its reshaped form reads is stored")
  func sharedPlace() throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .uniform([3], .f64))
    let y = try builder.emit(.unary(.negate), x)
    let parts = try (0..<2).map { _ in try builder.emit(.reshape([1, 3]), y) }
    let joined = try builder.append(.concatenate(axis: 0), parts)[0]
    let function = builder.finish(results: [FunctionResult(name: "y", value: joined)])
    let found = try CompiledFunction(.withoutPasses(function))(
      ["x": HostArray([1.0, 2, 3], shape: [3])], rows: 1)
    #expect(found["y"]?.doubles == [-1, -2, -3, -1, -2, -3])
  }

  @Test("triangular systems agree with the interpreter at every row count")
  func triangularSolve() throws {
    let n = 5
    let builder = FunctionBuilder(name: "f")
    let uniform = builder.argument("a", .uniform([n, n], .f64), .parameter)
    let stack = builder.argument("s", .uniform([2, n, n], .f64))
    let rowMatrix = builder.argument("m", .row([n, n], .f64))
    let x = builder.argument("x", .row([n], .f64))
    let u = builder.argument("u", .uniform([2, n], .f64))
    let pair = try builder.emit(
      .reshape([2, n]),
      try builder.emit(.concatenate(axis: 0), x, try builder.emit(.unary(.square), x)))
    let pairs = try builder.emit(
      .reshape([2, n, n]), try builder.emit(.concatenate(axis: 0), rowMatrix, rowMatrix))
    var results: [FunctionResult] = []
    for (upper, unit) in [(false, false), (true, true), (true, false), (false, true)] {
      let solve = Opcode.triangularSolve(upper: upper, unit: unit)
      let operands = [
        (uniform, x), (uniform, pair), (stack, pair), (rowMatrix, x), (rowMatrix, pair),
        (pairs, pair), (pairs, u), (stack, u), (uniform, u),
      ]
      for (a, b) in operands {
        results.append(
          FunctionResult(name: "y\(results.count)", value: try builder.emit(solve, a, b)))
      }
    }
    let function = builder.finish(results: results)
    try function.verify()
    let compiled = try CompiledFunction(OptimizedFunction(function))
    func numbers(_ count: Int, _ phase: Double) -> [Double] {
      (0..<count).map { 1.2 + sin(Double($0) * 1.3 + phase) }
    }
    for rows in [1, 33, 130] {
      let inputs = [
        "a": (numbers(n * n, 0), [n, n]), "s": (numbers(2 * n * n, 1), [2, n, n]),
        "m": (numbers(rows * n * n, 2), [rows, n, n]), "x": (numbers(rows * n, 3), [rows, n]),
        "u": (numbers(2 * n, 4), [2, n]),
      ]
      let exact = try Interpreter.run(function, inputs.mapValues(\.0), rows: rows)
      let found = try compiled(inputs.mapValues { HostArray($0.0, shape: $0.1) }, rows: rows)
      for result in results {
        let error = distance(
          found[result.name]?.doubles ?? [], exact[result.name]?.values ?? [])
        #expect(error < 1e-11, "\(result.name) with \(rows) rows")
      }
    }
  }
}
