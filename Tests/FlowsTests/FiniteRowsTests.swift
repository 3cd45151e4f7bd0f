import FlowIR
import FlowRuntime
import Flows
import Testing

/// Rows without a finite density have no part in any sum over rows.
@Suite struct FiniteRowsTests {
  /// Ordinary rows between ones that have no density.
  static let x: [Double] = [0.1, -0.2, .nan, 0, 0.3, 0.4, -.infinity, 0.1, 0.2, 0.7, -0.5, 0.6]
  static let context: [Double] = [0.5, 1, 0.1, 0.2, -0.3, 0.4, 1, 0, .nan, 0.3, 0.2, -0.1]
  static let ordinary = [0, 2, 5]

  static func model(_ kind: String) throws -> Model {
    let sizes =
      switch kind {
      case "GMM": ""
      case "CNF": #", "hidden_features": [4]"#
      case "NAF", "UNAF":
        #", "transforms": 1, "hidden_features": [4], "network": {"hidden_features": [4]}"#
      default: #", "transforms": 1, "hidden_features": [4]"#
      }
    let text = #"{"type": "\#(kind)", "features": 2, "context": 2\#(sizes)}"#
    return try Model(FlowDescription(text: text), seed: 3)
  }

  static func pick(_ values: [Double], _ rows: [Int]) -> [Double] {
    rows.flatMap { values[2 * $0..<2 * $0 + 2] }
  }

  /// Compares gradients over all rows with those over the ordinary ones.
  static func compare(
    _ all: [String: [Double]], _ some: [String: [Double]], _ place: String
  ) {
    for (name, expected) in some {
      let found = all[name] ?? []
      if ["grad.x", "grad.context"].contains(name) {
        for row in 0..<6 {
          let own = Array(found[2 * row..<2 * row + 2])
          if let index = ordinary.firstIndex(of: row) {
            let other = expected[2 * index..<2 * index + 2]
            let isSame = zip(own, other).allSatisfy { abs($0 - $1) < 1e-9 }
            #expect(isSame, "\(place) \(name), row \(row)")
          } else {
            let isMissing = own.allSatisfy { $0.isNaN || $0 == 0 }
            #expect(isMissing, "\(place) \(name), row \(row): \(own)")
          }
        }
      } else {
        let isSame =
          found.count == expected.count
          && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-9 * (1 + abs($1)) }
        #expect(
          isSame, "\(place) \(name): \(found.prefix(3)) rather than \(expected.prefix(3))")
      }
    }
  }

  @Test("the gradient is that of the rows that have a density", arguments: MissingNumberTests.kinds)
  func gradient(kind: String) throws {
    let model = try Self.model(kind)
    let function = try model.gradientFunction(dtype: .f64)
    let compiled = try compile(function, model)
    func run(_ rows: [Int]) throws -> [String: [Double]] {
      let inputs = [
        "x": HostArray(Self.pick(Self.x, rows), shape: [rows.count, 2]),
        "context": HostArray(Self.pick(Self.context, rows), shape: [rows.count, 2]),
      ]
      return try compiled(inputs, rows: rows.count).mapValues(\.doubles)
    }
    func interpret(_ rows: [Int]) throws -> [String: [Double]] {
      var arguments = model.values.mapValues(\.doubles)
      arguments["x"] = Self.pick(Self.x, rows)
      arguments["context"] = Self.pick(Self.context, rows)
      return try Interpreter.run(function.function, arguments, rows: rows.count).mapValues(\.values)
    }
    Self.compare(try run(Array(0..<6)), try run(Self.ordinary), "\(kind) compiled")
    Self.compare(
      try interpret(Array(0..<6)), try interpret(Self.ordinary), "\(kind) interpreted")
  }

  @Test("a training step is that of the rows that have a density")
  func training() throws {
    let model = try Self.model("NSF")
    func state(_ rows: [Int]) throws -> (loss: Float, values: [String: [Float]]) {
      let trainer = try model.trainer()
      let loss = try trainer.step(
        [
          "x": Self.pick(Self.x, rows).map { Float($0) },
          "context": Self.pick(Self.context, rows).map { Float($0) },
        ], rows: rows.count, learningRate: 1e-3)
      return (loss, trainer.values.mapValues(\.floats))
    }
    let (all, some) = (try state(Array(0..<6)), try state(Self.ordinary))
    #expect(abs(all.loss - some.loss) < 1e-5)
    for (name, values) in some.values {
      let isSame = zip(values, all.values[name] ?? []).allSatisfy { abs($0 - $1) < 1e-5 }
      #expect(isSame, "\(name)")
    }
    let none = try state([1, 3])
    #expect(none.loss.isNaN, "no row has a density")
  }
}
