import FlowFiles
import Foundation
import Testing

@testable import Flows

/// Flows in the data's units: `Model.standardize` and what it writes in the description.
@Suite struct UnitsTests {
  /// Rows whose columns have other centres and widths.
  private static func rows(_ count: Int, _ columns: [(centre: Double, width: Double)])
    -> Rows<Double>
  {
    var generator = SeededGenerator(seed: 5)
    let values = (0..<count).flatMap { _ in
      columns.map { $0.centre + $0.width * generator.normal() }
    }
    return Rows(values, columns: columns.count)
  }

  private static let columns: [(centre: Double, width: Double)] = [(2, 1e-3), (-40, 7), (0, 3e4)]
  private static let data = rows(200, columns)
  private static let conditions = rows(200, [(1e3, 2), (0, 1e-4)])

  static let architectures: [Architecture] = [
    .maf(.init(transforms: 2, randperm: true)), .nsf(), .sospf(), .bpf(), .naf(), .unaf(),
    .nice(.init(randmask: true)), .realNVP(), .gf(), .cnf(.init(atol: 1e-9, rtol: 1e-9)),
    .gmm(.init(components: 3)),
  ]

  @Test(
    "in the data's units, the log-density is that of (x - c) / s minus the logs of s",
    arguments: architectures)
  func density(architecture: Architecture) throws {
    let plain = try Model(architecture, features: 3, context: 2, seed: 3)
    var model = plain
    try model.standardize(Self.data, context: Self.conditions)
    let units = try #require(model.units)
    let contextUnits = try #require(model.contextUnits)
    func inUnits(_ x: Rows<Double>, _ units: ColumnUnits) -> Rows<Double> {
      let d = x.columns
      return Rows(
        x.values.enumerated().map { ($1 - units.centre[$0 % d]) / units.scale[$0 % d] },
        columns: d)
    }
    let x = Rows(Array(Self.data.values.prefix(30)), columns: 3)
    let c = Rows(Array(Self.conditions.values.prefix(20)), columns: 2)
    let found = try model.compiled(Double.self).logProb(x, context: c)
    let inner = try plain.compiled(Double.self).logProb(
      inUnits(x, units), context: inUnits(c, contextUnits))
    let width = units.scale.reduce(0) { $0 + log($1) }
    // Adaptive steps differ with the last bits of their inputs.
    let limit = architecture.type == "CNF" ? 1e-6 : 1e-9
    for (one, other) in zip(found, inner) {
      #expect(abs(one - (other - width)) <= limit * (1 + abs(one)))
    }
  }

  @Test("a density in the data's units integrates to 1, in float32 and float64")
  func integral() throws {
    let x = Self.rows(500, [(250, 0.01)])
    var model = try Model(.nsf(), features: 1, seed: 2)
    try model.standardize(x)
    // The trapezoidal rule on steps of a hundredth of a deviation, from -8 to 8 of them.
    let grid = (-800...800).map { 250 + 0.01 * 0.01 * Double($0) }
    let exact = try model.compiled(Double.self).logProb(Rows(grid, columns: 1))
    #expect(abs(exact.reduce(0) { $0 + exp($1) } * 1e-4 - 1) < 1e-4)
    let centred = try #require(model.units).centred(grid)
    let single = try model.centred().compiled().logProb(Rows(centred, columns: 1))
    #expect(abs(single.reduce(0) { $0 + exp(Double($1)) } * 1e-4 - 1) < 1e-4)
  }

  @Test("samples are in the data's units, and score as they were drawn")
  func samples() throws {
    var flow = try MAF(features: 3, context: 2, hiddenFeatures: [8])
    try flow.standardize(Self.data, context: Self.conditions)
    let compiled = try flow.compiled(Double.self)
    let draw = try compiled.sample(4000, context: Self.conditions[0], seed: 1)
    let units = ColumnUnits(of: draw.x.values, columns: 3)
    for (column, (centre, width)) in Self.columns.enumerated() {
      // An untrained flow is near the base, whose deviation is 1.
      #expect(abs(units.centre[column] - centre) < width)
      #expect(units.scale[column] > 0.3 * width && units.scale[column] < 3 * width)
    }
    let scored = try compiled.logProb(draw.x, context: Self.conditions[0])
    for (one, other) in zip(scored, draw.logProb) { #expect(abs(one - other) < 1e-9) }
  }

  @Test("a custom flow gets the transform as the first of its own, and an embedding its layer")
  func custom() throws {
    let text =
      #"{"type": "Flow", "features": 3, "context": 2, "transform": {"type": "ElementWiseTransform", "features": 3, "context": 4}, "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}}, "embedding": [{"type": "Linear", "out_features": 4}, {"type": "Tanh"}]}"#
    let plain = try Model(FlowDescription(text: text), seed: 4)
    var model = plain
    try model.standardize(Self.data, context: Self.conditions)
    let names = Set(model.parameters.map(\.name))
    #expect(names.isSuperset(of: ["transform.transforms.0.loc", "embedding.0.mean"]))
    #expect(
      model.values["embedding.1.weight"]?.floats == plain.values["embedding.0.weight"]?.floats)
    #expect(
      model.values["transform.transforms.1.hyper.0.weight"]?.floats
        == plain.values["transform.hyper.0.weight"]?.floats)
    let once = try #require(model.description)
    try model.standardize(Self.conditions.withThirdColumn, context: Self.conditions)
    #expect(model.description == once, "units are set anew, not added a second time")
    #expect(model.units?.scale[2] == 1)
  }

  @Test("angles of NCSF stay as they are; a model of a closure says what to do")
  func without() throws {
    var model = try Model(.ncsf(), features: 3, context: 2)
    try model.standardize(Self.data, context: Self.conditions)
    #expect(model.units == nil && model.contextUnits != nil)
    var own = Model(features: 3) { (scope: ModuleScope) -> any LazyDistribution in
      UnconditionalDistribution.diagNormal(features: 3, in: scope.child("base"))
    }
    let error = #expect(throws: FlowError.self) { try own.standardize(Self.data) }
    #expect(error?.description.contains("put an AffineTransform first") == true)
    #expect(throws: FlowError.self) { try model.standardize(Self.conditions) }
    #expect(throws: FlowError.self) { try model.standardize(Rows([1, Double.nan, 2], columns: 3)) }
  }

  @Test("units by moments and by quartiles, with weights that count as repetitions")
  func methods() {
    let x: [Double] = [1, 2, 3, 4, 5, 6, 7, 1e6]
    let moments = ColumnUnits(of: x, columns: 1)
    #expect(moments.centre[0] == 125_003.5)
    // The standard deviation of eight numbers of which one is far from seven.
    #expect(abs(moments.scale[0] / 330_717.6 - 1) < 1e-6)
    let robust = ColumnUnits(of: x, columns: 1, by: .robust)
    #expect(robust.centre[0] == 4 && abs(robust.scale[0] - 4 / 1.348_979_5) < 1e-6)
    let weights: [Float] = [1, 2, 0, 3, 1, 1, 1, 0]
    let repeated = zip(x, weights).flatMap { Array(repeating: $0, count: Int($1)) }
    for method in Standardization.allCases {
      let one = ColumnUnits(of: x, columns: 1, weights: weights, by: method)
      let other = ColumnUnits(of: repeated, columns: 1, by: method)
      #expect(abs(one.centre[0] - other.centre[0]) < 1e-12 && one.scale == other.scale)
    }
    let constant = ColumnUnits(of: [0.1, 0.1, 0.1] as [Double], columns: 1)
    #expect(constant == .init(centre: [Float(0.1).double], scale: [1]))
  }

  @Test("the centre of numbers far from zero keeps the digits of float64, through a file")
  func digits() throws {
    let dates = Self.rows(400, [(2_459_000.123, 1e-4)])
    var model = try Model(.maf(.init(network: .init(hiddenFeatures: [4]))), features: 1)
    try model.standardize(dates)
    let units = try #require(model.units)
    #expect(abs(units.centre[0] - 2_459_000.123) < 1e-4 && abs(units.scale[0] - 1e-4) < 1e-5)
    let path = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString).safetensors"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try model.save(to: path)
    let loaded = try Model(path: path)
    #expect(loaded.units == units)
    let exact = try loaded.compiled(Double.self).logProb(dates)
    let centred = try loaded.centred().compiled().logProb(
      Rows(units.centred(dates.values), columns: 1))
    // The untrained slope is about 50, so that float32 loses two digits more than the logs have.
    for (one, other) in zip(exact, centred) {
      #expect(abs(one - Double(other)) < 1e-5 * (1 + abs(one)))
    }
  }

  @Test("a mixture of standardized data starts from clusters of that data")
  func mixture() throws {
    let x = Rows(Self.data.values.map { Float($0) }, columns: 3)
    var flow = try GMM(features: 3, components: 1)
    try flow.standardize(x)
    try flow.initialize(x.values, strategy: .random)
    // One component is the normal distribution with the data's moments.
    let found = try flow.compiled(Double.self).logProb(Self.data).reduce(0, +) / 200
    #expect(abs(found + 1.5 * log(2 * Double.pi * M_E) + log(1e-3 * 7 * 3e4)) < 0.3)
  }
}

extension Rows<Double> {
  /// Two columns and a third that is constant.
  fileprivate var withThirdColumn: Rows<Double> {
    Rows(flatMap { Array($0) + [5] }, columns: 3)
  }
}

extension Float {
  fileprivate var double: Double { Double(self) }
}
