import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Compiled operations against the float64 interpreter.
@Suite struct CompiledOperationTests {
  /// Inputs that hit the corners: zeros, denormals, infinities, NaN, and a sweep.
  static func sweep(_ range: ClosedRange<Double>, _ dtype: DType) -> [Double] {
    var values: [Double] = [0, -0.0, .infinity, -.infinity, .nan, 1e-42, -1e-42, 1e-300, 200, -200]
    for index in 0..<4000 {
      values.append(
        range.lowerBound + (range.upperBound - range.lowerBound) * Double(index) / 3999)
    }
    return dtype == .f32 ? values.map { Double(Float($0)) } : values
  }

  /// The distance to the exact value in units in the last place of the result's type.
  static func ulps(_ found: Double, _ exact: Double, _ dtype: DType) -> Double {
    if exact.isNaN { return found.isNaN ? 0 : .infinity }
    let rounded = dtype == .f32 ? Double(Float(exact)) : exact
    if found == rounded { return 0 }
    if rounded.isInfinite || found.isNaN || found.isInfinite { return .infinity }
    let unit =
      dtype == .f32 ? Double(Float(exact).ulp) : exact.ulp
    return abs(found - exact) / unit
  }

  static let bounds: [(UnaryOperator, ClosedRange<Double>, Double)] = [
    (.negate, -5...5, 0), (.absolute, -5...5, 0), (.sign, -5...5, 0), (.reciprocal, -5...5, 0.51),
    (.square, -5...5, 0.51), (.sqrt, 0...9, 0.51), (.rsqrt, 0.01...9, 1.6), (.exp, -100...90, 1.3),
    (.expm1, -5...5, 2), (.log, 0...10, 0.9), (.log1p, -1...10, 2), (.sin, -50...50, 2.6),
    (.cos, -50...50, 2.6), (.tanh, -6...6, 3), (.sigmoid, -30...30, 3), (.softplus, -20...20, 3),
    (.logSigmoid, -20...20, 3), (.logSigmoid, -800 ... -20, 0.6), (.logSigmoid, 20...760, 3),
    (.erf, -4...4, 2), (.erfc, -4...26, 4), (.erfc, 0...1, 4), (.erfc, 1...9, 4),
    (.asin, -1...1, 2.1), (.relu, -5...5, 0),
    (.floor, -5...5, 0), (.elu, -20...20, 1.1), (.elu, -1e-3...1e-3, 1.1),
    (.elu, -800 ... -20, 0.6), (.elu, -0.7 ... -0.1, 1.1),
  ]

  @Test(
    "functions of what has been selected are the same, whatever the compiler makes of both",
    arguments: [UnaryOperator.tanh, .erf, .erfc, .asin, .absolute, .sign], [DType.f32, .f64])
  func selected(operation: UnaryOperator, dtype: DType) throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([], dtype))
    let largest = dtype == .f32 ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude
    let isInfinite = try builder.emit(
      .compare(.greater), try builder.emit(.unary(.absolute), x),
      builder.splat(largest, shape: [], dtype: dtype))
    let inner = try builder.emit(
      .select, isInfinite, builder.splat(0, shape: [], dtype: dtype), x)
    let y = try builder.emit(.unary(operation), inner)
    let function = builder.finish(results: [
      FunctionResult(name: "y", value: y), FunctionResult(name: "inner", value: inner),
    ])
    let scale = operation == .asin ? 1.0 : 100
    let values = (0..<256).map { scale * (Double($0) - 127.5) / 128 } + [.infinity, -.infinity]
    let rows = values.count
    let found = try #require(
      CompiledFunction(.withoutPasses(function))(
        ["x": HostArray(values, shape: [rows])], rows: rows)["y"]?.doubles)
    let exact = try #require(Interpreter.run(function, ["x": values], rows: rows)["y"]?.values)
    // The ulp bounds of these functions, the rounding of x in float32 included.
    let tolerance = dtype == .f32 ? 1e-6 : 2e-15
    for index in values.indices {
      let error = abs(found[index] - exact[index])
      #expect(error <= tolerance * (1 + abs(exact[index])), "\(operation) at \(values[index])")
    }
  }

  @Test("functions stay within their ulp bounds", arguments: bounds, [DType.f32, .f64])
  func functions(
    _ bound: (operation: UnaryOperator, range: ClosedRange<Double>, ulps: Double), dtype: DType
  ) throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([], dtype))
    let y = try builder.emit(.unary(bound.operation), x)
    let function = builder.finish(results: [FunctionResult(name: "y", value: y)])
    let values = Self.sweep(bound.range, dtype)
    let input = HostArray(values, shape: [values.count])
    let found = try #require(
      CompiledFunction(.withoutPasses(function))(["x": input], rows: values.count)["y"]?.doubles)
    let exact = try #require(
      Interpreter.run(function, ["x": values], rows: values.count)["y"]?.values)
    var worst = (ulps: 0.0, at: 0.0)
    for index in values.indices {
      // Sine and cosine lose their last digits near their zeros and have none at 200 or more.
      let isCircular = bound.operation == .sin || bound.operation == .cos
      if isCircular, abs(exact[index]) < 1e-3 { continue }
      // Float64 exponentials below the normal range are checked in float32 only.
      let error = Self.ulps(found[index], exact[index], dtype)
      if error > worst.ulps { worst = (error, values[index]) }
    }
    #expect(
      worst.ulps <= bound.ulps + (dtype == .f64 ? 0.6 : 0),
      "\(bound.operation.rawValue): \(worst.ulps) ulp at \(worst.at)")
  }

  @Test(
    "what is computed together with erfc is within its bound too", arguments: [DType.f32, .f64])
  func besideComplement(dtype: DType) throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([], dtype))
    let negative = try builder.emit(.unary(.negate), try builder.emit(.unary(.square), x))
    let bounds: [(name: String, value: Value, ulps: Double)] = [
      ("erfc", try builder.emit(.unary(.erfc), x), 4),
      ("erf", try builder.emit(.unary(.erf), x), 3),
      ("bell", try builder.emit(.unary(.exp), negative), 1.5),
    ]
    let function = builder.finish(
      results: bounds.map { FunctionResult(name: $0.name, value: $0.value) })
    let values = Self.sweep(dtype == .f32 ? -12...12 : -28...28, dtype) + [.infinity, 0, -0.0]
    let found = try CompiledFunction(.withoutPasses(function))(
      ["x": HostArray(values, shape: [values.count])], rows: values.count)
    for bound in bounds {
      let results = try #require(found[bound.name]?.doubles)
      for (result, value) in zip(results, values) {
        let exact =
          switch bound.name {
          case "erfc": Foundation.erfc(value)
          case "erf": Foundation.erf(value)
          // In float64 the square of x in two parts, since its rounding would count 1500 times.
          default: Foundation.exp(-value * value) * (1 - (value * value).squareError(of: value))
          }
        let error = Self.ulps(result, exact, dtype)
        #expect(
          error <= bound.ulps + (dtype == .f64 ? 0.6 : 0), "\(bound.name) of \(value): \(error)")
      }
    }
  }

  /// A function with one operation on a [4, 3] row value, or a few of them.
  static let programs: [(String, @Sendable (FunctionBuilder, Value) throws -> Value)] = [
    ("sum over rows' last axis", { try $0.emit(.reduce(.sum, axis: 1), $1) }),
    ("sum over rows' first axis", { try $0.emit(.reduce(.sum, axis: 0), $1) }),
    ("product", { try $0.emit(.reduce(.product, axis: 0), $1) }),
    ("maximum", { try $0.emit(.reduce(.maximum, axis: 1), $1) }),
    ("minimum", { try $0.emit(.reduce(.minimum, axis: 0), $1) }),
    ("cumulative sum", { try $0.emit(.cumulativeSum(axis: 1, reverse: false), $1) }),
    ("reverse cumulative sum", { try $0.emit(.cumulativeSum(axis: 0, reverse: true), $1) }),
    (
      "transpose of a sum",
      { builder, x in
        try builder.emit(.transpose([1, 0]), try builder.emit(.binary(.add), x, x))
      }
    ),
    (
      "gather, pad and concatenate",
      { builder, x in
        let a = try builder.emit(.gather(axis: 0, indices: [3, 0, 0, 2]), x)
        let b = try builder.emit(.pad(axis: 1, low: 1, high: 0, value: 2.5), a)
        let c = try builder.emit(.concatenate(axis: 1), b, try builder.emit(.unary(.exp), x))
        return try builder.emit(.unary(.square), c)
      }
    ),
    (
      "scatter with distinct indices",
      { try $0.emit(.scatterAdd(axis: 0, indices: [4, 0, 2, 1], size: 6), $1) }
    ),
    (
      "search and take",
      { builder, x in
        let sorted = try builder.emit(
          .cumulativeSum(axis: 1, reverse: false), try builder.emit(.unary(.exp), x))
        let middle = try builder.emit(
          .reshape([4]), try builder.emit(.slice(axis: 1, start: 1, end: 2), sorted))
        let index = try builder.emit(.search, sorted, middle)
        return try builder.emit(.take, sorted, index)
      }
    ),
    (
      "softmax",
      { builder, x in
        let e = try builder.emit(.unary(.exp), x)
        let sum = try builder.emit(.reshape([4, 1]), try builder.emit(.reduce(.sum, axis: 1), e))
        return try builder.emit(.binary(.divide), e, try builder.emit(.broadcast([4, 3]), sum))
      }
    ),
    (
      "difference to the mean over rows",
      { builder, x in
        let mean = try builder.emit(
          .binary(.divide), try builder.emit(.rowSum, x),
          try builder.emit(.broadcast([4, 3]), try builder.emit(.rowCount(.f64))))
        return try builder.emit(.binary(.subtract), x, mean)
      }
    ),
    (
      "a layer over several vectors, then a masked one",
      { builder, x in
        let w = try builder.emit(
          .constant(Literal((0..<15).map { Double($0) * 0.1 - 0.7 }, shape: [5, 3], dtype: .f64)))
        let h = try builder.emit(.unary(.tanh), try builder.emit(.linear(nil), x, w))
        let flat = try builder.emit(.reshape([20]), h)
        let v = try builder.emit(
          .constant(
            Literal((0..<60).map { Double($0 % 7) * 0.2 - 0.5 }, shape: [3, 20], dtype: .f64)))
        let mask = Mask(rows: 3, columns: 20, bits: (0..<60).map { $0 % 3 != 0 })
        return try builder.emit(.linear(mask), flat, v)
      }
    ),
  ]

  @Test("programs agree with the interpreter at every row count", arguments: 0..<14)
  func programs(index: Int) throws {
    let (name, body) = Self.programs[index]
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([4, 3], .f64))
    let y = try body(builder, x)
    let function = builder.finish(results: [FunctionResult(name: "y", value: y)])
    try function.verify()
    let compiled = try CompiledFunction(.withoutPasses(function))
    let optimized = try CompiledFunction(OptimizedFunction(function))
    for rows in [1, 7, 32, 33, 100] {
      let values = (0..<rows * 12).map { sin(Double($0) * 1.7) * 2 }
      let exact = try #require(
        Interpreter.run(function, ["x": values], rows: rows)["y"]?.values)
      for version in [compiled, optimized] {
        let input = HostArray(values, shape: [rows, 4, 3])
        let found = try #require(version(["x": input], rows: rows)["y"]?.doubles)
        let error = zip(found, exact).map { abs($0 - $1) / (1 + abs($1)) }.max() ?? .infinity
        #expect(found.count == exact.count)
        #expect(error < 1e-13, "\(name) with \(rows) rows")
      }
    }
  }

  @Test("random numbers are those of the interpreter", arguments: [DType.f32, .f64])
  func random(dtype: DType) throws {
    let builder = FunctionBuilder(name: "f")
    let seed = builder.argument("seed", .uniform([2], .i32))
    let normal = try builder.emit(.random(.normal, type: .row([3], dtype), stream: 1), seed)
    let uniform = try builder.emit(.random(.uniform, type: .row([3], dtype), stream: 2), seed)
    // One set for all rows, few and so many that threads share them, read by rows and as results.
    let few = try builder.emit(.random(.normal, type: .uniform([3], dtype), stream: 3), seed)
    let many = try builder.emit(
      .random(.uniform, type: .uniform([37, 31], dtype), stream: 4), seed)
    let sum = try builder.emit(.binary(.add), normal, few)
    let function = builder.finish(results: [
      FunctionResult(name: "normal", value: normal),
      FunctionResult(name: "uniform", value: uniform),
      FunctionResult(name: "few", value: few), FunctionResult(name: "many", value: many),
      FunctionResult(name: "sum", value: sum),
    ])
    #expect(try Module(parsing: function.text).text == function.text)
    let first = (1 << 33) + 5
    let found = try CompiledFunction(.withoutPasses(function))(
      ["seed": HostArray([7, -3] as [Int32], shape: [2])], rows: 70, firstRow: first)
    let exact = try Interpreter.run(function, ["seed": [7, -3]], rows: 70, firstRow: first)
    for (name, count) in [
      ("normal", 210), ("uniform", 210), ("few", 3), ("many", 1147), ("sum", 210),
    ] {
      #expect(found[name]?.count == count && exact[name]?.values.count == count)
      for (x, y) in zip(found[name]?.doubles ?? [], exact[name]?.values ?? []) {
        #expect(abs(x - y) <= (dtype == .f32 ? 2e-6 : 1e-14) * (1 + abs(y)))
      }
    }
  }

  @Test("philox gives the published answers")
  func philox() throws {
    // Random123's known answer for a zero counter and key: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
    let builder = FunctionBuilder(name: "f")
    let seed = builder.argument("seed", .uniform([2], .i32))
    let y = try builder.emit(.random(.uniform, type: .row([2], .f64), stream: 0), seed)
    let function = builder.finish(results: [FunctionResult(name: "y", value: y)])
    let found = try Interpreter.run(function, ["seed": [0, 0]], rows: 1)["y"]?.values
    let first: UInt64 = 0xe169_c58d_6627_e8d5
    let second: UInt64 = 0x9b00_dbd8_bc57_ac4c
    #expect(
      found == [(Double(first >> 11) + 0.5) * 0x1p-53, (Double(second >> 11) + 0.5) * 0x1p-53])
  }
}

extension Double {
  /// x² less this number, its rounded square.
  fileprivate func squareError(of x: Double) -> Double {
    isFinite ? (-self).addingProduct(x, x) : 0
  }
}
