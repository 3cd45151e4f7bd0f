import FlowIR
import FlowRuntime
import Flows
import Foundation
import Testing

/// Gaussian mixtures against what Zuko computed in float64; samples and `initialize` against moments.
@Suite struct MixtureParityTests {
  @Test(
    "log_prob, loss and gradients agree with Zuko",
    arguments: ["gmm-full", "gmm-spherical", "gmm-context"], [DType.f64, .f32])
  func values(name: String, dtype: DType) throws {
    try Reference(name).expectDensity(dtype)
  }

  /// Two clusters, at (-3, 1) with deviations 0.5 and 1, and at (4, -2) with 1 and 0.5, one to three.
  private func blobs(_ rows: Int) -> [Float] {
    var generator = SeededGenerator(seed: 5)
    func normal() -> Double {
      (-2 * log(1 - generator.uniform())).squareRoot() * cos(2 * .pi * generator.uniform())
    }
    return (0..<rows).flatMap { row -> [Float] in
      row % 4 == 0
        ? [Float(-3 + 0.5 * normal()), Float(1 + normal())]
        : [Float(4 + normal()), Float(-2 + 0.5 * normal())]
    }
  }

  @Test("random centres keep the mean of all rows")
  func randomCentres() throws {
    let x = blobs(4000)
    var gmm = try GMM(features: 2, components: 3, covarianceType: .full, tied: true)
    try gmm.initialize(x, strategy: .random)
    let weights = try #require(gmm.model.values["phi.0"]?.doubles).map(exp)
    let means = try #require(gmm.model.values["phi.1"]?.doubles)
    #expect(abs(weights.reduce(0, +) - 1) < 1e-6)
    for feature in 0..<2 {
      let mean = (0..<4000).reduce(0.0) { $0 + Double(x[2 * $1 + feature]) } / 4000
      let mixed = (0..<3).reduce(0.0) { $0 + weights[$1] * means[2 * $1 + feature] }
      #expect(abs(mean - mixed) < 1e-5)
    }
    #expect(throws: FlowError.self) { try gmm.initialize([1, 2, 3, 4], strategy: .kmeans) }
  }

  @Test(
    "initialize finds the clusters", arguments: CovarianceType.allCases,
    [GMM.Strategy.kmeans, .kmeansPlusPlus])
  func initialize(type: CovarianceType, strategy: GMM.Strategy) throws {
    var gmm = try GMM(features: 2, components: 2, covarianceType: type)
    try gmm.initialize(blobs(4000), strategy: strategy, seed: 3)
    let logits = try #require(gmm.model.values["phi.0"]?.doubles)
    let means = try #require(gmm.model.values["phi.1"]?.doubles)
    let scales = try #require(gmm.model.values["phi.2"]?.doubles).map(exp)
    let first = means[0] < means[2] ? 0 : 1
    #expect(abs(exp(logits[first]) - 0.25) < 0.01)
    let wanted: [Double] = first == 0 ? [-3, 1, 4, -2] : [4, -2, -3, 1]
    for (found, exact) in zip(means, wanted) { #expect(abs(found - exact) < 0.1) }
    // The deviations, not the variances.
    let deviations =
      type == .spherical ? [0.79, 0.79] : first == 0 ? [0.5, 1, 1, 0.5] : [1, 0.5, 0.5, 1]
    for (found, exact) in zip(scales, deviations) { #expect(abs(found - exact) < 0.1) }
  }

  @Test("samples have the mixture's moments, and their log_prob is that of the score")
  func samples() throws {
    var gmm = try GMM(features: 2, components: 2, covarianceType: .full)
    try gmm.initialize(blobs(4000), strategy: .kmeans, seed: 3)
    let rows = 40000
    let found = try compile(gmm.model.trace(.sample).optimized(), gmm.model)(
      ["seed": HostArray([1, 2] as [Int32], shape: [2])], rows: rows)
    let x = try #require(found["x"]?.doubles)
    let score = try compile(gmm.model.trace(.logProb).optimized(), gmm.model)(
      ["x": HostArray(x, shape: [rows, 2])], rows: rows)
    for (a, b) in zip(found["log_prob"]?.doubles ?? [], score["log_prob"]?.doubles ?? []) {
      #expect(abs(a - b) < 1e-4 * (1 + abs(b)))
    }
    for feature in 0..<2 {
      let values = (0..<rows).map { x[2 * $0 + feature] }
      let mean = values.reduce(0, +) / Double(rows)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows)
      // Weights 1/4 and 3/4; the variance is that within plus that between.
      let (a, b) = feature == 0 ? (-3.0, 4.0) : (1.0, -2.0)
      let within = feature == 0 ? 0.25 * 0.25 + 0.75 * 1 : 0.25 * 1 + 0.75 * 0.25
      #expect(abs(mean - (0.25 * a + 0.75 * b)) < 0.1)
      #expect(abs(variance - (within + 0.1875 * (a - b) * (a - b))) < 0.35)
    }
  }

  @Test(
    "with a context the network starts at the mixture of the rows",
    arguments: CovarianceType.allCases)
  func conditional(type: CovarianceType) throws {
    let x = blobs(400)
    var free = try GMM(features: 2, components: 2, covarianceType: type, tied: true)
    try free.initialize(x, strategy: .kmeans, seed: 3)
    var gmm = try GMM(features: 2, context: 3, components: 2, covarianceType: type, tied: true)
    let before = try #require(gmm.model.values["hyper.4.weight"]?.floats)
    try gmm.initialize(x, strategy: .kmeans, seed: 3)
    let parameters = free.model.parameters.filter { $0.name.hasPrefix("phi.") }
    // Logits, means, then one covariance for all components.
    #expect(parameters.dropFirst(2).allSatisfy { $0.shape[0] == 1 })
    #expect(
      gmm.model.values["hyper.4.bias"]?.floats
        == parameters.flatMap { free.model.values[$0.name]?.floats ?? [] })
    #expect(gmm.model.values["hyper.4.weight"]?.floats == before.map { $0 * 0.01 })
  }

  @Test("the gradient of full covariances that a network gives is the slope of the loss")
  func networkGradient() throws {
    let model = try Model(
      FlowDescription(
        text: #"""
          {"type": "GMM", "features": 3, "context": 2, "components": 2, "hidden_features": [4],
           "activation": "Tanh"}
          """#), seed: 2)
    let x = (0..<12).map { sin(Double($0)) }
    let c = (0..<8).map { cos(Double($0)) }
    let gradient = try compile(model.gradientFunction(dtype: .f64), model)
    func run(_ c: [Double]) throws -> [String: HostArray] {
      try gradient(
        ["x": HostArray(x, shape: [4, 3]), "context": HostArray(c, shape: [4, 2])], rows: 4)
    }
    let exact = try #require(run(c)["grad.context"]?.doubles)
    let step = 1e-5
    for index in c.indices {
      var losses: [Double] = []
      for sign in [1.0, -1] {
        var moved = c
        moved[index] += sign * step
        losses.append(try #require(run(moved)["loss"]?.doubles.first))
      }
      // Steps of 1e-5 on a loss of order one are good to 1e-10.
      #expect(abs(exact[index] - (losses[0] - losses[1]) / (2 * step)) < 1e-8)
    }
  }

  @Test("an unknown type of covariance is an error that names the known ones")
  func unknownType() {
    let error = #expect(throws: FlowError.self) {
      try FlowDescription(
        text: #"{"type": "GMM", "features": 3, "covariance_type": "invalid"}"#)
    }
    #expect(
      error?.description.contains(#"covariance_type: found "invalid""#) == true
        && error?.description.contains("full, diagonal, spherical") == true,
      "\(error?.description ?? "")")
  }
}
