import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Products of reflections, QR maps and radial transforms against their formulas, and their inverses.
@Suite("reflections and radial transforms") struct ReflectionTests {
  private static func dot(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }

  private static let vectors = [
    [0.3, -1.2, 0.7], [0.9, 0.1, -0.4], [1.5, 0.2, -0.8], [0, 0, 2],
  ]
  private static let upper = [0.5, -0.3, 0.8]
  private static let logDiagonal = [0.2, -1.1, 0.4]
  private static let bias = [1, -2, 0.5]

  private static func reflected(_ x: [Double]) -> [Double] {
    vectors.reduce(x) { x, q in
      let factor = 2 * dot(x, q) / dot(q, q)
      return zip(x, q).map { $0 - factor * $1 }
    }
  }

  private static func radial(_ x: [Double], _ a: Double, _ b: Double) -> [Double] {
    let centre = [0.4, -0.2, 1]
    let way = zip(x, centre).map(-)
    let r = dot(way, way).squareRoot()
    let beta = log1p(exp(b)) - abs(a)
    return zip(x, way).map { $0 + beta * $1 / (abs(a) + r) }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable (Trace) -> any Transform
    let exact: @Sendable ([Double]) -> [Double]
  }

  static let cases = [
    Case(
      testDescription: "Householder",
      make: {
        HouseholderTransform(vectors: $0.constant(vectors.flatMap(\.self), shape: [4, 3]))
      }, exact: reflected),
    Case(
      testDescription: "QR",
      make: {
        QRLinearTransform(
          vectors: $0.constant(vectors.flatMap(\.self), shape: [4, 3]),
          upper: $0.constant(upper, shape: [3]), logDiagonal: $0.constant(logDiagonal, shape: [3]),
          bias: $0.constant(bias, shape: [3]))
      },
      exact: { x in
        let d = logDiagonal.map { exp($0) }
        let inner = [
          d[0] * x[0] + upper[0] * x[1] + upper[1] * x[2], d[1] * x[1] + upper[2] * x[2],
          d[2] * x[2],
        ]
        return zip(reflected(inner), bias).map(+)
      }),
    radialCase("radial, towards the centre", 0.7, -1.5),
    radialCase("radial, away from the centre", -0.2, 1.4),
    radialCase("radial, sharp", 1e-3, 0.1),
  ]

  private static func radialCase(_ name: String, _ a: Double, _ b: Double) -> Case {
    Case(
      testDescription: name,
      make: {
        RadialTransform(
          centre: $0.constant([0.4, -0.2, 1], shape: [3]), alpha: $0.constant(a),
          beta: $0.constant(b))
      }, exact: { radial($0, a, b) })
  }

  @Test(
    "values are those of the formula, log-determinants those of the Jacobian, the inverse undoes",
    arguments: cases)
  func formula(example: Case) throws {
    let function = trace([.rows("x", 3)], dtype: .f64) { inputs in
      let transform = example.make(inputs[0].trace)
      let (y, ladj) = transform.callAndLadj(inputs[0])
      let (x, back) = transform.inverseAndLadj(y)
      return [
        ("y", y), ("ladj", ladj + inputs[0].sum(axis: 0) * 0), ("again", x),
        ("back", back + x.sum(axis: 0) * 0),
        ("jacobian", transform.jacobian(inputs[0])),
      ]
    }
    var generator = SeededGenerator(seed: 2)
    let rows = 64
    let x = (0..<3 * rows).map { _ in 3 * generator.normal() }
    let found = try CompiledFunction(function.optimized())(
      ["x": HostArray(x, shape: [rows, 3])], rows: rows)
    func values(_ name: String) throws -> [Double] { try #require(found[name]).doubles }
    let (y, ladj, jacobian) = (try values("y"), try values("ladj"), try values("jacobian"))
    let (again, back) = (try values("again"), try values("back"))
    for row in 0..<rows {
      let exact = example.exact(Array(x[3 * row..<3 * row + 3]))
      for column in 0..<3 {
        #expect(abs(y[3 * row + column] - exact[column]) < 1e-12 * (1 + abs(exact[column])))
        #expect(abs(again[3 * row + column] - x[3 * row + column]) < 1e-11)
      }
      let matrix = jacobian.count == 9 ? jacobian : Array(jacobian[9 * row..<9 * row + 9])
      #expect(abs(ladj[row] - logDeterminant(matrix, size: 3)) < 1e-11)
      #expect(abs(back[row] + ladj[row]) < 1e-11)
    }
  }

  @Test("a radial transform and its gradient are finite at the centre, and undone there")
  func centre() throws {
    let function = trace([.rows("x", 3)], dtype: .f64) { inputs in
      let transform = Self.cases[2].make(inputs[0].trace)
      let (y, ladj) = transform.callAndLadj(inputs[0])
      let (x, back) = transform.inverseAndLadj(y)
      return [("loss", y.sum(axis: 0) + ladj + x.sum(axis: 0)), ("x", x), ("sum", ladj + back)]
    }
    let compiled = try CompiledFunction(function.gradient(of: "loss", withRespectTo: ["x"]))
    let found = try compiled(["x": HostArray([0.4, -0.2, 1], shape: [1, 3])], rows: 1)
    #expect(found["x"]?.doubles == [0.4, -0.2, 1])
    #expect(abs(found["sum"]?.doubles[0] ?? 1) < 1e-12)
    #expect(found["grad.x"]?.doubles.allSatisfy(\.isFinite) == true)
  }

  private static func model(_ transform: String, context: Int = 0) throws -> Model {
    try Model(
      FlowDescription(
        text: """
          {"type": "Flow", "features": 2, "context": \(context), "transform": [\(transform)],
           "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}}}
          """), seed: 3)
  }

  @Test("descriptions have the parameters of nflows' names, and are trained")
  func descriptions() async throws {
    let parts = [
      #"{"type": "UnconditionalTransform", "f": {"type": "HouseholderTransform", "vectors": 3}}"#,
      #"{"type": "UnconditionalTransform", "f": {"type": "QRLinearTransform"}}"#,
      #"{"type": "LazyRadialTransform", "features": 2}"#,
    ]
    var model = try Self.model(parts.joined(separator: ", "))
    let shapes = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, $0.shape) })
    let place = "transform.transforms."
    #expect(shapes[place + "0.q_vectors"] == [3, 2] && shapes[place + "1.q_vectors"] == [2, 2])
    #expect(shapes[place + "1.upper_entries"] == [1] && shapes[place + "1.log_upper_diag"] == [2])
    #expect(shapes[place + "2.centre"] == [2] && shapes[place + "2.alpha"] == [1])
    var generator = SeededGenerator(seed: 1)
    let x = Rows(
      (0..<1_000).flatMap { _ -> [Float] in
        let (a, b) = (generator.normal(), generator.normal())
        return [Float(2 * a + 1), Float(1.8 * a + 0.3 * b)]
      }, columns: 2)
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.learningRate) = (60, 100, 0.03)
    let report = try await model.fit(x, options: options)
    // The entropy of the normal distribution with the determinant (2 · 0.3)².
    let best = -(log(2 * Double.pi) + 1 + log(0.6))
    #expect(report.trainLogLikelihood > best - 0.06, "\(report.trainLogLikelihood) \(best)")
    let given = try Self.model(
      #"{"type": "LazyRadialTransform", "features": 2, "context": 1, "network": {"type": "MLP", "hidden_features": [4]}}"#,
      context: 1)
    #expect(given.parameters.map(\.name).contains("transform.transforms.0.hyper.2.bias"))
    let flow = try given.compiled(Double.self)
    let draw = try flow.sample(100, context: [[0.3]], seed: 1)
    for (one, other) in zip(try flow.logProb(draw.x, context: [[0.3]]), draw.logProb) {
      #expect(abs(one - other) < 1e-9)
    }
  }

  @Test(
    "wrong arguments are errors with their place",
    arguments: [
      (
        #"{"type": "UnconditionalTransform", "f": {"type": "HouseholderTransform", "vectors": 0}}"#,
        "transform[0].f.vectors: found 0, expected an integer of 1 to 1000"
      ),
      (
        #"{"type": "UnconditionalTransform", "f": {"type": "QRLinearTransform", "bias": 1}}"#,
        "transform[0].f.bias: unknown argument, expected one of inverse, vectors"
      ),
      (
        #"{"type": "LazyRadialTransform", "features": 3, "context": 2}"#,
        "transform[0].features: found 3, expected 2, as the flow"
      ),
    ])
  func errors(part: String, message: String) throws {
    let error = #expect(throws: FlowError.self) { _ = try Self.model(part) }
    #expect(error?.description == message)
  }
}
