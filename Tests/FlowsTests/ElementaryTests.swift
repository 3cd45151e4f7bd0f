import FlowIR
import FlowRuntime
import Flows
import Foundation
import Testing

/// Element-wise transforms in closed form: values, log-determinants, inverses and edges.
@Suite struct ElementaryTests {
  struct Case: Sendable {
    let name: String
    let make: @Sendable (Trace) -> any Transform
    /// Inputs inside the domain.
    let domain: ClosedRange<Double>
    let value: @Sendable (Double) -> Double
    let slope: @Sendable (Double) -> Double
    /// Inputs of the inverse that lie outside its domain.
    var outside: [Double] = []
    /// Inputs of the transform that lie outside its domain.
    var outsideForward: [Double] = []
    /// Edges of the inverse's domain where it stays finite.
    var saturated: [Double] = []
  }

  static let cases: [Case] = [
    Case(
      name: "Exp", make: { _ in ExpTransform() }, domain: -5...5, value: { exp($0) },
      slope: { exp($0) }, outside: [0, -1]),
    Case(
      name: "Sigmoid", make: { _ in SigmoidTransform() }, domain: -6...6,
      value: { 1 / (1 + exp(-$0)) }, slope: { exp(-$0) / pow(1 + exp(-$0), 2) },
      outside: [-0.1, 1.1], saturated: [0, 1]),
    Case(
      name: "Tanh", make: { _ in TanhTransform() }, domain: -3...3, value: { tanh($0) },
      slope: { 1 / pow(cosh($0), 2) }, outside: [-1.1, 2], saturated: [-1, 1]),
    Case(
      name: "Softplus", make: { _ in SoftplusTransform() }, domain: -6...6,
      value: { log1p(exp($0)) }, slope: { 1 / (1 + exp(-$0)) }, outside: [0, -1]),
    Case(
      name: "Power", make: { PowerTransform(exponent: $0.constant(-1.5)) }, domain: 0.1...5,
      value: { pow($0, -1.5) }, slope: { 1.5 * pow($0, -2.5) }, outside: [-1],
      outsideForward: [-1]),
    Case(
      name: "SignedPower", make: { SignedPowerTransform(alpha: $0.constant(0.7)) },
      domain: -4...4, value: { ($0 < 0 ? -1 : 1) * pow(abs($0), exp(0.7)) },
      slope: { exp(0.7) * pow(abs($0), exp(0.7) - 1) }, saturated: [0]),
    Case(
      name: "Sin", make: { _ in SinTransform() }, domain: -1.5...1.5, value: { sin($0) },
      slope: { cos($0) }, outside: [-1.01, 2], outsideForward: [1.6, -2], saturated: [-1, 1]),
    Case(
      name: "Cos", make: { _ in CosTransform() }, domain: 0.1...3, value: { -cos($0) },
      slope: { sin($0) }, outside: [-1.01, 2], outsideForward: [-0.1, 3.2], saturated: [-1, 1]),
    Case(
      name: "Softclip", make: { _ in SoftclipTransform(bound: 3) }, domain: -20...20,
      value: { $0 / (1 + abs($0 / 3)) }, slope: { pow(1 + abs($0 / 3), -2) },
      outside: [3.1, -4], saturated: [3, -3]),
    Case(
      name: "CircularShift", make: { _ in CircularShiftTransform(bound: 2) }, domain: -1.99...1.99,
      value: { $0 < 0 ? $0 + 2 : $0 - 2 }, slope: { _ in 1 }),
    Case(
      name: "LeakyTanh", make: { _ in LeakyTanhTransform(bound: 2) }, domain: -6...6,
      value: {
        let excess = max(abs($0) - 2, 0)
        return abs($0) < 2 ? tanh($0) : ($0 < 0 ? -1 : 1) * (tanh(2.0) + excess / pow(cosh(2.0), 2))
      },
      slope: { 1 / pow(cosh(min(abs($0), 2)), 2) }),
    Case(
      name: "LogTanh", make: { _ in LogTanhTransform(cut: 1) }, domain: -6...6,
      value: {
        let alpha = 1 - tanh(tanh(1.0))
        return abs($0) < 1 ? tanh($0) : ($0 < 0 ? -1 : 1) * (tanh(1.0) + alpha * log(abs($0)))
      },
      slope: { abs($0) < 1 ? 1 / pow(cosh($0), 2) : (1 - tanh(tanh(1.0))) / abs($0) }),
    Case(
      name: "Cauchy", make: { _ in CauchyTransform() }, domain: -30...30,
      value: { atan($0) / .pi + 0.5 }, slope: { 1 / (.pi * (1 + $0 * $0)) },
      outside: [-0.1, 1.1], saturated: [0, 1]),
    Case(
      name: "asinh", make: { _ in AsinhTransform() }, domain: -30...30,
      value: { asinh($0) }, slope: { 1 / (1 + $0 * $0).squareRoot() }),
  ]

  /// One function for all cases: column i belongs to case i.
  private func compiled(_ dtype: DType) throws -> CompiledFunction {
    let count = Self.cases.count
    let function = trace([.rows("x", count), .rows("y", count)], dtype: dtype) { inputs in
      Self.cases.enumerated().flatMap { index, test in
        let transform = test.make(inputs[0].trace)
        let (y, ladj) = transform.callAndLadj(inputs[0].slice(index, index + 1))
        let (x, back) = transform.inverseAndLadj(inputs[1].slice(index, index + 1))
        return [
          ("y\(index)", y), ("ladj\(index)", ladj), ("x\(index)", x), ("back\(index)", back),
        ]
      }
    }
    return try CompiledFunction(function.optimized())
  }

  private func run(
    _ function: CompiledFunction, x: (Case, Int) -> Double, y: (Case, Int) -> Double, rows: Int
  ) throws -> [String: [Double]] {
    func array(_ value: (Case, Int) -> Double) -> HostArray {
      HostArray(
        (0..<rows).flatMap { row in Self.cases.map { value($0, row) } },
        shape: [rows, Self.cases.count])
    }
    return try function(["x": array(x), "y": array(y)], rows: rows).mapValues { array in
      // What is the same for all rows is there once.
      array.count == rows ? array.doubles : Array(repeating: array.doubles[0], count: rows)
    }
  }

  @Test("values and slopes are the closed forms, inverses undo them", arguments: [DType.f64, .f32])
  func values(dtype: DType) throws {
    let rows = 101
    func x(_ test: Case, _ row: Int) -> Double {
      let t = (Double(row) + 0.5) / Double(rows)
      let x = test.domain.lowerBound + t * (test.domain.upperBound - test.domain.lowerBound)
      return dtype == .f32 ? Double(Float(x)) : x
    }
    let found = try run(
      compiled(dtype), x: x, y: { test, row in test.value(x(test, row)) }, rows: rows)
    let tolerance = dtype == .f64 ? 1e-12 : 4e-6
    for (index, test) in Self.cases.enumerated() {
      for row in 0..<rows {
        let x = x(test, row)
        let (y, slope) = (test.value(x), test.slope(x))
        let values = ["y", "ladj", "x", "back"].map { found["\($0)\(index)"]?[row] ?? .nan }
        #expect(abs(values[0] - y) <= tolerance * (1 + abs(y)), "\(test.name) at \(x)")
        #expect(
          abs(values[1] - log(slope)) <= 4 * tolerance * (1 + abs(log(slope))),
          "\(test.name) at \(x)")
        // The inverse magnifies the rounding of y by the reciprocal slope.
        let condition = 1 + abs(x) + (1 + abs(y)) / slope
        #expect(abs(values[2] - x) <= tolerance * condition, "\(test.name) back at \(x)")
        #expect(
          abs(values[3] + log(slope)) <= 4 * tolerance * condition * condition,
          "\(test.name) back at \(x)")
      }
    }
  }

  @Test("a map and its inverse in one function are the identity", arguments: [DType.f64, .f32])
  func composed(dtype: DType) throws {
    let count = Self.cases.count
    let function = trace([.rows("x", count)], dtype: dtype) { inputs in
      Self.cases.enumerated().map { index, test in
        let x = inputs[0].slice(index, index + 1)
        let transform = test.make(x.trace)
        return ("x\(index)", ComposedTransform([transform, InverseTransform(transform)])(x))
      }
    }
    let rows = 101
    func x(_ test: Case, _ row: Int) -> Double {
      let t = (Double(row) + 0.5) / Double(rows)
      return test.domain.lowerBound + t * (test.domain.upperBound - test.domain.lowerBound)
    }
    let inputs = (0..<rows).flatMap { row in Self.cases.map { x($0, row) } }
    let found = try CompiledFunction(function.optimized())(
      ["x": HostArray(inputs, shape: [rows, count])], rows: rows)
    let tolerance = dtype == .f64 ? 1e-12 : 4e-6
    for (index, test) in Self.cases.enumerated() {
      let values = try #require(found["x\(index)"]?.doubles)
      for row in 0..<rows {
        // The inverse magnifies the rounding of the map by the reciprocal slope.
        let x = x(test, row)
        let condition = 1 + abs(x) + (1 + abs(test.value(x))) / test.slope(x)
        #expect(abs(values[row] - x) <= tolerance * condition, "\(test.name) at \(x)")
      }
    }
  }

  @Test(
    "outside a domain the density is zero; where a map has rounded to an edge its inverse is finite",
    arguments: [DType.f64, .f32])
  func edges(dtype: DType) throws {
    func at(_ list: [Double], _ row: Int, _ inside: Double) -> Double {
      row < list.count ? list[row] : inside
    }
    func middle(_ test: Case) -> Double {
      (test.domain.lowerBound + test.domain.upperBound) / 2 + 0.01
    }
    let function = try compiled(dtype)
    let outside = try run(
      function, x: { at($0.outsideForward, $1, middle($0)) },
      y: { at($0.outside, $1, $0.value(middle($0))) }, rows: 2)
    let saturated = try run(
      function, x: { test, _ in middle(test) },
      y: { at($0.saturated, $1, $0.value(middle($0))) }, rows: 2)
    let missing = try run(function, x: { _, _ in .nan }, y: { _, _ in .nan }, rows: 1)
    for (index, test) in Self.cases.enumerated() {
      for row in 0..<2 {
        let isOutside = row < test.outside.count
        #expect((outside["back\(index)"]?[row] == -.infinity) == isOutside, "\(test.name) \(row)")
        #expect(outside["x\(index)"]?[row].isFinite == true, "\(test.name) \(row)")
        let isOutsideForward = row < test.outsideForward.count
        #expect(
          (outside["ladj\(index)"]?[row] == -.infinity) == isOutsideForward, "\(test.name) \(row)")
        #expect(outside["y\(index)"]?[row].isFinite == true, "\(test.name) \(row)")
        #expect(saturated["x\(index)"]?[row].isFinite == true, "\(test.name) \(row)")
        #expect(saturated["back\(index)"]?[row].isFinite == true, "\(test.name) \(row)")
      }
      #expect(missing["x\(index)"]?[0].isNaN == true, "\(test.name)")
      #expect(missing["y\(index)"]?[0].isNaN == true, "\(test.name)")
    }
  }
}
