import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Solutions of differential equations and their gradients.
@Suite struct ODETests {
  static let tight = ODEControl(atol: 1e-12, rtol: 1e-12)

  /// `x1 = ode_solve(t0, t1, x)` of the dynamics that a closure gives.
  static func solve(
    _ control: ODEControl, dtype: DType = .f64, features: Int = 2, loss: Bool = false,
    _ dynamics: (FunctionBuilder, Value, Value, Value, Value) throws -> Value
  ) throws -> Function {
    let builder = FunctionBuilder(name: "f")
    let t0 = builder.argument("t0", .uniform([], dtype))
    let t1 = builder.argument("t1", .uniform([], dtype))
    let x = builder.argument("x", .row([features], dtype))
    let c = builder.argument("c", .row([2], dtype))
    let w = builder.argument("w", .uniform([features, features], dtype), .parameter)
    let region = builder.beginRegion([.row([], dtype), .row([features], dtype)])
    let dx = try dynamics(builder, region[0], region[1], c, w)
    let body = builder.endRegion(results: [dx])
    let x1 = try builder.append(
      .odeSolve(control, isRecorded: false), [t0, t1, x], regions: [body])[0]
    guard loss else { return builder.finish(results: [FunctionResult(name: "x1", value: x1)]) }
    let weights = try builder.emit(
      .constant(Literal([0.7, -1.3], shape: [features], dtype: dtype)))
    let product = try builder.emit(
      .binary(.multiply), weights, try builder.emit(.unary(.square), x1))
    let sum = try builder.emit(.rowSum, try builder.emit(.reduce(.sum, axis: 0), product))
    return builder.finish(results: [FunctionResult(name: "loss", value: sum)])
  }

  /// `tanh(W (x + c)) - t x`, with everything that the dynamics may read.
  static func network(
    _ builder: FunctionBuilder, _ t: Value, _ x: Value, _ c: Value, _ w: Value
  ) throws -> Value {
    let input = try builder.emit(.binary(.add), x, c)
    let h = try builder.emit(.unary(.tanh), try builder.emit(.linear(nil), input, w))
    let time = try builder.emit(.broadcast([2]), try builder.emit(.reshape([1]), t))
    return try builder.emit(
      .binary(.subtract), h, try builder.emit(.binary(.multiply), time, x))
  }

  static func arguments(rows: Int) -> [String: [Double]] {
    [
      "t0": [0.25], "t1": [1.5], "w": [0.8, -1.4, 1.1, 0.6],
      "x": (0..<rows * 2).map { sin(Double($0) * 1.7) * 2 },
      "c": (0..<rows * 2).map { cos(Double($0) * 0.9) },
    ]
  }

  static func run(
    _ compiled: CompiledFunction, _ arguments: [String: [Double]], rows: Int,
    threads: Int? = nil
  ) throws -> [String: [Double]] {
    var arrays: [String: HostArray] = [:]
    for argument in compiled.function.arguments {
      let type = compiled.function.type(of: argument.value)
      let shape = (type.hasRows ? [rows] : []) + type.shape
      arrays[argument.name] = HostArray(arguments[argument.name] ?? [], shape: shape)
    }
    return try compiled(arrays, rows: rows, threads: threads).mapValues(\.doubles)
  }

  @Test("the initial state stays what it was for whoever else reads it")
  func initialState() throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([2], .f64))
    let w = builder.argument("w", .uniform([2, 2], .f64), .parameter)
    // The state comes from a fused group, which then stores it for the loop and as a result.
    let start = try builder.emit(.unary(.tanh), x)
    let zero = builder.splat(0, shape: [], dtype: .f64)
    let one = builder.splat(1, shape: [], dtype: .f64)
    let region = builder.beginRegion([.row([], .f64), .row([2], .f64)])
    let dx = try builder.emit(.linear(nil), region[1], w)
    let body = builder.endRegion(results: [dx])
    let end = try builder.append(
      .odeSolve(Self.tight, isRecorded: false), [zero, one, start], regions: [body])[0]
    let function = builder.finish(results: [
      FunctionResult(name: "start", value: start), FunctionResult(name: "end", value: end),
    ])
    let values = (0..<20).map { sin(Double($0)) }
    let arguments = ["x": values, "w": [0.8, -1.4, 1.1, 0.6]]
    let found = try Self.run(CompiledFunction(.withoutPasses(function)), arguments, rows: 10)
    let exact = try Interpreter.run(function, arguments, rows: 10)
    for name in ["start", "end"] {
      for (a, b) in zip(try #require(found[name]), try #require(exact[name]).values) {
        #expect(abs(a - b) < 1e-9)
      }
    }
  }

  @Test("a linear equation is solved by the exponential, forward and backward in time")
  func linear() throws {
    let function = try Self.solve(Self.tight) { builder, _, x, _, w in
      try builder.emit(.linear(nil), x, w)
    }
    try function.verify()
    let compiled = try CompiledFunction(OptimizedFunction(function))
    var arguments = Self.arguments(rows: 70)
    arguments["w"] = [-0.5, 2, -2, -0.5]
    for (t0, t1) in [(0.0, 1.5), (2.0, 0.5), (0.3, 0.3)] {
      (arguments["t0"], arguments["t1"]) = ([t0], [t1])
      let x = arguments["x"] ?? []
      let (decay, angle) = (exp(-0.5 * (t1 - t0)), 2 * (t1 - t0))
      let (c, s) = (decay * cos(angle), decay * sin(angle))
      let exact = (0..<70).flatMap { row -> [Double] in
        let (a, b) = (x[2 * row], x[2 * row + 1])
        return [c * a + s * b, c * b - s * a]
      }
      let found = try #require(try Self.run(compiled, arguments, rows: 70)["x1"])
      let plain = try #require(try Interpreter.run(function, arguments, rows: 70)["x1"]?.values)
      for values in [found, plain] {
        let error = zip(values, exact).map { abs($0 - $1) }.max() ?? .infinity
        #expect(values.count == 140 && error < 1e-10, "from \(t0) to \(t1): \(error)")
      }
    }
  }

  @Test("compiled steps are those of the interpreter; a row's bits do not depend on its neighbours")
  func rows() throws {
    for dtype in [DType.f64, .f32] {
      let function = try Self.solve(ODEControl(), dtype: dtype, Self.network)
      let compiled = try CompiledFunction(OptimizedFunction(function))
      let arguments = Self.arguments(rows: 70)
      let found = try #require(try Self.run(compiled, arguments, rows: 70)["x1"])
      let exact = try #require(try Interpreter.run(function, arguments, rows: 70)["x1"]?.values)
      let error = zip(found, exact).map { abs($0 - $1) }.max() ?? .infinity
      // The same steps in float64; in float32 other ones within the tolerances.
      #expect(error < (dtype == .f64 ? 1e-12 : 2e-5), "\(error)")
      for row in [0, 3, 69] {
        var alone = arguments
        for name in ["x", "c"] {
          alone[name] = Array((arguments[name] ?? [])[2 * row..<2 * row + 2])
        }
        let own = try #require(try Self.run(compiled, alone, rows: 1)["x1"])
        #expect(own == Array(found[2 * row..<2 * row + 2]), "row \(row)")
      }
    }
  }

  @Test("a solution that runs away is NaN in its row alone, and the loop ends")
  func blowUp() throws {
    // x' = x² reaches infinity at t = 1 / x.
    let function = try Self.solve(ODEControl(), dtype: .f32) { builder, _, x, _, _ in
      try builder.emit(.unary(.square), x)
    }
    let compiled = try CompiledFunction(OptimizedFunction(function))
    var arguments = Self.arguments(rows: 70)
    (arguments["t0"], arguments["t1"]) = ([0], [1])
    arguments["x"] = (0..<70).flatMap { row -> [Double] in
      row == 5 ? [2, 0.5] : row == 66 ? [.infinity, 0.5] : row == 67 ? [.nan, 0] : [0.5, -3]
    }
    let found = try #require(try Self.run(compiled, arguments, rows: 70)["x1"])
    let plain = try #require(try Interpreter.run(function, arguments, rows: 70)["x1"]?.values)
    for values in [found, plain] {
      for row in 0..<70 {
        let (a, b) = (values[2 * row], values[2 * row + 1])
        if [5, 66, 67].contains(row) {
          #expect(a.isNaN && b.isNaN, "row \(row) is \(a), \(b)")
        } else {
          #expect(abs(a - 1) < 1e-4 && abs(b + 0.75) < 1e-4, "row \(row) is \(a), \(b)")
        }
      }
    }
  }

  @Test("steps do not depend on the unit of time: powers of 2 change no bit")
  func unitOfTime() throws {
    for dtype in [DType.f64, .f32] {
      let function = try Self.solve(ODEControl(), dtype: dtype) { builder, _, x, _, w in
        try builder.emit(.linear(nil), x, w)
      }
      let compiled = try CompiledFunction(OptimizedFunction(function))
      let found = try [-1, 0x1p-20, 1, 0x1p20].map { unit -> [[Double]] in
        var arguments = Self.arguments(rows: 20)
        (arguments["t0"], arguments["t1"]) = ([0], [unit])
        arguments["w"] = [-0.5, 2, -2, -0.5].map { $0 / unit }
        let plain = try Interpreter.run(function, arguments, rows: 20)["x1"]?.values ?? []
        return [try Self.run(compiled, arguments, rows: 20)["x1"] ?? [], plain]
      }
      #expect(found.allSatisfy { $0 == found[0] } && found[0][0].allSatisfy(\.isFinite))
    }
  }

  @Test("nothing to start from, still dynamics or no absolute tolerance do not stop the first step")
  func starts() throws {
    for (control, start) in [
      (ODEControl(), 0.0), (ODEControl(), 1e-30), (ODEControl(atol: 0, rtol: 1e-6), 0),
      (ODEControl(), 1e20),
    ] {
      for name in ["linear", "constant", "zero"] {
        let function = try Self.solve(control) { builder, t, x, c, w in
          switch name {
          case "linear": return try builder.emit(.linear(nil), x, w)
          case "constant": return c
          default: return try builder.emit(.binary(.subtract), c, c)
          }
        }
        let compiled = try CompiledFunction(OptimizedFunction(function))
        let arguments = [
          "t0": [0.5], "t1": [1.5], "w": [-1, 0, 0, -1], "x": [start, 1], "c": [3, -2],
        ]
        let exact = [
          "linear": [start * exp(-1.0), exp(-1.0)], "constant": [start + 3, -1],
          "zero": [start, 1],
        ]
        let found = try Self.run(compiled, arguments, rows: 1)["x1"] ?? []
        let plain = try Interpreter.run(function, arguments, rows: 1)["x1"]?.values ?? []
        for values in [found, plain] {
          // Both elements together are good to the tolerances of a few steps.
          let error = zip(values, exact[name] ?? []).map { abs($0 - $1) / (1 + abs($1)) }.max()
          #expect(error ?? .infinity < 1e-5, "\(name) from \(start): \(values)")
        }
      }
    }
  }

  @Test("too few steps give NaN, not a rough answer")
  func fewSteps() throws {
    let function = try Self.solve(ODEControl(steps: 3), Self.network)
    let compiled = try CompiledFunction(OptimizedFunction(function))
    let found = try #require(try Self.run(compiled, Self.arguments(rows: 3), rows: 3)["x1"])
    let count = found.filter(\.isNaN).count
    #expect(count == 6)
  }

  @Test("gradients by the adjoint agree with differences, compiled ones with the interpreter's")
  func gradients() throws {
    let function = try Self.solve(Self.tight, loss: true, Self.network)
    let names = ["t0", "t1", "x", "c", "w"]
    let forward = try Pipeline.run(Pipeline.standard, on: function)
    let both = try Pipeline.run(
      Pipeline.cleanup, on: gradient(of: forward, result: "loss", withRespectTo: names))
    try both.verify()
    var arguments = Self.arguments(rows: 3)
    let plain = try Interpreter.run(both, arguments, rows: 3)
    for name in names {
      let start = arguments[name] ?? []
      let found = plain["grad." + name]?.values ?? []
      #expect(found.count == start.count)
      for index in found.indices {
        var differences: [Double] = []
        for sign in [1.0, -1.0] {
          arguments[name]?[index] = start[index] + sign * 1e-5
          differences.append(
            try Interpreter.run(function, arguments, rows: 3)["loss"]?.values[0] ?? .nan)
        }
        arguments[name] = start
        let numeric = (differences[0] - differences[1]) / 2e-5
        // Steps of 1e-5 on a loss that is good to 1e-11.
        #expect(
          abs(found[index] - numeric) < 1e-6 * (1 + abs(numeric)),
          "d/d\(name)[\(index)] is \(found[index]), differences say \(numeric)")
      }
    }
    let compiled = try CompiledFunction(.withoutPasses(both))
    for rows in [3, 200] {
      let arguments = Self.arguments(rows: rows)
      let exact = try Interpreter.run(both, arguments, rows: rows)
      let one = try Self.run(compiled, arguments, rows: rows, threads: 1)
      let two = try Self.run(compiled, arguments, rows: rows, threads: 2)
      #expect(one == two)
      for name in ["loss"] + names.map({ "grad." + $0 }) {
        let (a, b) = (one[name] ?? [], exact[name]?.values ?? [])
        let error = zip(a, b).map { abs($0 - $1) / (1 + abs($1)) }.max() ?? .infinity
        #expect(a.count == b.count && error < 1e-10, "\(name) with \(rows) rows: \(error)")
      }
    }
  }
}
