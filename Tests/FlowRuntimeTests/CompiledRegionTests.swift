import FlowCodegen
import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Roots and quadrature: compiled code against closed forms, the interpreter and finite differences.
@Suite struct CompiledRegionTests {
  /// A function of one row value whose result is a root.
  private func root(
    _ dtype: DType, lower: Double = -.infinity, upper: Double = .infinity,
    _ body: (FunctionBuilder, Value) throws -> (f: Value, slope: Value)
  ) throws -> Function {
    let builder = FunctionBuilder(name: "f")
    let y = builder.argument("y", .row([2], dtype))
    let x = builder.beginRegion([.row([2], dtype)])[0]
    let (f, slope) = try body(builder, x)
    let region = builder.endRegion(results: [f, slope])
    let root = try builder.append(.monotoneRoot(lower: lower, upper: upper), [y], regions: [region])
    let function = builder.finish(results: [FunctionResult(name: "x", value: root[0])])
    try function.verify()
    return function
  }

  /// sinh: flat in the middle, steep outside; its inverse is asinh.
  private func sinh(_ builder: FunctionBuilder, _ x: Value) throws -> (f: Value, slope: Value) {
    let up = try builder.emit(.unary(.exp), x)
    let down = try builder.emit(.unary(.exp), try builder.emit(.unary(.negate), x))
    let half = builder.splat(0.5, shape: [2], dtype: builder.type(of: x).dtype)
    let difference = try builder.emit(.binary(.subtract), up, down)
    let sum = try builder.emit(.binary(.add), up, down)
    return (
      try builder.emit(.binary(.multiply), half, difference),
      try builder.emit(.binary(.multiply), half, sum)
    )
  }

  @Test("roots are exact to the last digits from 1e-3 to 1e30", arguments: [DType.f32, .f64])
  func accuracy(dtype: DType) throws {
    let compiled = try CompiledFunction(.withoutPasses(root(dtype, sinh)))
    var y: [Double] = []
    for exponent in -12...120 {
      let magnitude = pow(10, Double(exponent) / 4)
      y += [magnitude, -magnitude]
    }
    let rows = y.count / 2
    let found = try #require(compiled(["y": HostArray(y, shape: [rows, 2])], rows: rows)["x"])
    let unit = dtype == .f32 ? 1.2e-7 : 2.3e-16
    for (x, y) in zip(found.doubles, y) {
      let exact = asinh(dtype == .f32 ? Double(Float(y)) : y)
      // The function itself is good to a few units of its largest part, 1 near zero.
      #expect(abs(x - exact) <= unit * (8 + 4 * abs(exact)), "asinh(\(y)) is \(exact), found \(x)")
    }
  }

  @Test("roots of a cubic with a flat spot, found where Newton alone goes astray")
  func cubic() throws {
    let function = try root(.f64) { builder, x in
      let square = try builder.emit(.unary(.square), x)
      let cube = try builder.emit(.binary(.multiply), square, x)
      let three = builder.splat(3, shape: [2], dtype: .f64)
      return (cube, try builder.emit(.binary(.multiply), three, square))
    }
    let y: [Double] = [0, -0.0, 1e-30, -1e-12, 1, 8, 1e9, -1e30, 27, -1e-3]
    let compiled = try CompiledFunction(.withoutPasses(function))
    let found = try #require(compiled(["y": HostArray(y, shape: [5, 2])], rows: 5)["x"])
    let interpreted = try #require(Interpreter.run(function, ["y": y], rows: 5)["x"])
    for index in y.indices {
      #expect(abs(found.doubles[index] - cbrt(y[index])) <= 1e-15 * (1e-3 + abs(cbrt(y[index]))))
      #expect(
        abs(interpreted.values[index] - cbrt(y[index])) <= 1e-15 + 1e-15 * abs(cbrt(y[index])))
    }
  }

  @Test("outside the range of the function the root is the end of the domain, NaN stays NaN")
  func saturation() throws {
    let function = try root(.f64, lower: -3, upper: 5) { builder, x in
      let t = try builder.emit(.unary(.tanh), x)
      let one = builder.splat(1, shape: [2], dtype: .f64)
      let slope = try builder.emit(
        .binary(.subtract), one, try builder.emit(.unary(.square), t))
      return (t, slope)
    }
    let y: [Double] = [2, -2, .infinity, -.infinity, .nan, 0.5, 1, -1]
    let found = try #require(
      CompiledFunction(.withoutPasses(function))(["y": HostArray(y, shape: [4, 2])], rows: 4)["x"]?
        .doubles)
    let interpreted = try #require(Interpreter.run(function, ["y": y], rows: 4)["x"]?.values)
    for values in [found, interpreted] {
      for (index, expected) in [5, -3, 5, -3].enumerated() {
        #expect(abs(values[index] - Double(expected)) <= 1e-14)
      }
      #expect(values[4].isNaN && abs(values[5] - atanh(0.5)) <= 1e-14)
      #expect(abs(values[6] - 5) <= 1e-14 && abs(values[7] + 3) <= 1e-14)
    }
  }

  @Test("a function whose parameters are NaN has no root, in a bounded domain or not")
  func undefined() throws {
    for (lower, upper) in [(-Double.infinity, Double.infinity), (-3, 5), (2, Double.infinity)] {
      let builder = FunctionBuilder(name: "f")
      let y = builder.argument("y", .row([1], .f64))
      let c = builder.argument("c", .row([1], .f64))
      let x = builder.beginRegion([.row([1], .f64)])[0]
      let f = try builder.emit(.binary(.add), x, c)
      let one = builder.splat(1, shape: [1], dtype: .f64)
      let region = builder.endRegion(results: [f, one])
      let root = try builder.append(
        .monotoneRoot(lower: lower, upper: upper), [y], regions: [region])
      let function = builder.finish(results: [FunctionResult(name: "x", value: root[0])])
      let values = ["y": [3.0, 3.0], "c": [.nan, 0.5]]
      let found = try #require(
        CompiledFunction(.withoutPasses(function))(
          values.mapValues { HostArray($0, shape: [2, 1]) }, rows: 2)["x"]?.doubles)
      let interpreted = try #require(Interpreter.run(function, values, rows: 2)["x"]?.values)
      for numbers in [found, interpreted] {
        #expect(numbers[0].isNaN, "\(lower) to \(upper): \(numbers)")
        #expect(abs(numbers[1] - 2.5) < 1e-12, "\(lower) to \(upper): \(numbers)")
      }
    }
  }

  @Test(
    "nodes and weights integrate polynomials of degree 2 n - 1 exactly", arguments: [1, 2, 5, 32])
  func rule(count: Int) {
    let rule = GaussLegendre.rule(count)
    for degree in 0..<2 * count {
      let sum = zip(rule.nodes, rule.weights).reduce(0) { $0 + $1.1 * pow($1.0, Double(degree)) }
      #expect(abs(sum * Double(degree + 1) - 1) < 1e-13, "\(count) nodes, degree \(degree)")
    }
  }

  /// The loss: sums of a root inside a triangular inverse, of a quadrature whose integrand has a
  /// layer, with captures of every kind.
  private func nested(incremental: Bool) throws -> Function {
    let builder = FunctionBuilder(name: "f")
    let z = builder.argument("z", .row([3], .f64))
    let w = builder.argument("w", .uniform([3, 3], .f64))
    let v = builder.argument("v", .uniform([3, 3], .f64))
    let bits = [false, false, false, true, false, false, true, true, false]
    let mask = incremental ? Mask(rows: 3, columns: 3, bits: bits) : nil
    let diagonal = Mask(rows: 3, columns: 3, bits: (0..<9).map { $0 % 4 == 0 })
    let triangle = try builder.emit(
      .constant(Literal(bits.map { $0 ? 1 : 0 }, shape: [3, 3], dtype: .f64)))
    let weight = try builder.emit(.binary(.multiply), w, triangle)
    let x = builder.beginRegion([.row([3], .f64)])[0]
    let shift = try builder.emit(.unary(.tanh), try builder.emit(.linear(mask), x, weight))
    // f(u) = the integral from 0 to u of exp(tanh(v t) + shift) dt.
    let u = builder.beginRegion([.row([3], .f64)])[0]
    func integrand(_ t: Value) throws -> Value {
      let h = try builder.emit(.unary(.tanh), try builder.emit(.linear(diagonal), t, v))
      return try builder.emit(.unary(.exp), try builder.emit(.binary(.add), h, shift))
    }
    let zero = try builder.emit(.binary(.subtract), u, u)
    let node = builder.beginRegion([.row([3], .f64), .row([3], .f64)])
    let part = try builder.emit(.binary(.multiply), try integrand(node[0]), node[1])
    let quadrature = builder.endRegion(results: [part])
    let area = try builder.append(.quadrature(nodes: 40), [zero, u], regions: [quadrature])[0]
    let slope = try integrand(u)
    let region = builder.endRegion(results: [area, slope])
    let root = try builder.append(
      .monotoneRoot(lower: -.infinity, upper: .infinity), [z], regions: [region])[0]
    let extra = try builder.emit(.binary(.multiply), root, shift)
    let inverse = builder.endRegion(results: [root, extra])
    let results = try builder.append(.autoregressiveInverse(passes: 3), regions: [inverse])
    // Again outside, where the gradient of the layer is summed over rows and nodes.
    let end = try builder.emit(.binary(.add), results[0], results[1])
    let start = try builder.emit(.unary(.sin), z)
    let points = builder.beginRegion([.row([3], .f64), .row([3], .f64)])
    let product = try builder.emit(
      .binary(.multiply), try builder.emit(.linear(diagonal), points[0], v),
      try builder.emit(.linear(nil), z, v))
    let h = try builder.emit(.unary(.tanh), product)
    let outer = builder.endRegion(
      results: [try builder.emit(.binary(.multiply), h, points[1])])
    let second = try builder.append(.quadrature(nodes: 60), [start, end], regions: [outer])[0]
    let total = try builder.emit(.reduce(.sum, axis: 0), try builder.emit(.unary(.square), second))
    let loss = try builder.emit(.rowSum, total)
    let function = builder.finish(results: [
      FunctionResult(name: "loss", value: loss), FunctionResult(name: "x", value: results[0]),
    ])
    try function.verify()
    return function
  }

  @Test(
    "roots and quadrature within a triangular inverse, and their gradients, agree with differences",
    arguments: [true, false])
  func nestedGradients(incremental: Bool) throws {
    let function = try nested(incremental: incremental)
    let rows = 3
    var arguments = [
      "z": [0.3, -0.8, 1.1, 0.2, 0.6, -0.4, -1.3, 0.7, 0.5],
      "w": (0..<9).map { 0.9 * cos(Double($0) * 2.1) }, "v": (0..<9).map { sin(Double($0) * 1.3) },
    ]
    let both = try gradient(of: function, result: "loss", withRespectTo: ["z", "w", "v"])
    try both.verify()
    let exact = try Interpreter.run(both, arguments, rows: rows)
    let optimized = try Pipeline.run(
      Pipeline.cleanup,
      on: gradient(
        of: Pipeline.run(Pipeline.standard, on: function), result: "loss",
        withRespectTo: ["z", "w", "v"]))
    let shapes = ["z": [rows, 3], "w": [3, 3], "v": [3, 3]]
    let inputs = Dictionary(
      uniqueKeysWithValues: arguments.map { ($0, HostArray($1, shape: shapes[$0] ?? [])) })
    for version in [both, optimized] {
      let found = try CompiledFunction(.withoutPasses(version))(inputs, rows: rows)
      for (name, tensor) in exact {
        for (a, b) in zip(found[name]?.doubles ?? [.nan], tensor.values) {
          #expect(abs(a - b) <= 1e-11 * (1 + abs(b)), "\(name)")
        }
      }
    }
    // Along two directions each, since the interpreter takes a second for a value.
    for argument in ["z", "w", "v"] {
      let start = arguments[argument] ?? []
      for number in 1...2 {
        let direction = start.indices.map { sin(1.7 * Double(number * $0) + Double(number)) }
        let values = try [1e-5, -1e-5].map { step in
          arguments[argument] = zip(start, direction).map { $0 + step * $1 }
          return try Interpreter.run(function, arguments, rows: rows)["loss"]?.values[0] ?? .nan
        }
        arguments[argument] = start
        let numeric = (values[0] - values[1]) / 2e-5
        let gradient = exact["grad." + argument]?.values ?? []
        let analytic = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
        // With this many nodes the rule for the ends, that of the integral, is exact.
        #expect(
          gradient.count == start.count && abs(analytic - numeric) <= 1e-5 * (1 + abs(numeric)),
          "\(argument), direction \(number): \(analytic) \(numeric)")
      }
    }
  }

  @Test("a root within a triangular inverse is searched once for each feature")
  func incremental() throws {
    let function = try Pipeline.run(Pipeline.standard, on: nested(incremental: true))
    #expect(try TileProgram(lowering: function).text.contains("steps 3, each item once"))
  }
}
