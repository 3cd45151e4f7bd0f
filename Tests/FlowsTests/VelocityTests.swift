import FlowFiles
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Continuous flows of a velocity in sbi's form: `FlowMatchingTransform` of a `VectorFieldMLP`.
@Suite struct VelocityTests {
  private static func description(
    _ transform: String = "", network: String = "", context: Int = 1
  ) -> String {
    #"{"type": "Flow", "features": 2, "context": \#(context), "transform": [{"type": "#
      + #""FlowMatchingTransform", "features": 2, "context": \#(context)\#(transform), "#
      + #""network": {"type": "VectorFieldMLP", "hidden_features": 8, "layers": 2, "#
      + #""time_features": 4\#(network)}}], "#
      + #""base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": true}}"#
  }

  private static func normal(_ count: Int, seed: UInt64) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in generator.normal() }
  }

  @Test("where the network gives nothing, the baseline is the velocity of normal data")
  func baseline() throws {
    let tight = #", "gaussian_baseline": true, "atol": 1e-10, "rtol": 1e-10"#
    var model = try Model(FlowDescription(text: Self.description(tight)), seed: 1)
    let place = "transform.transforms.0"
    for name in ["net.output_layer.weight", "net.output_layer.bias"] {
      let shape = try #require(model.values["\(place).\(name)"]).shape
      model.values["\(place).\(name)"] = HostArray(
        [Float](repeating: 0, count: shape.reduce(1, *)), shape: shape)
    }
    let (mean, std) = ([3.0, -1], [2.0, 0.5])
    model.values["\(place).mean_0"] = HostArray(mean, shape: [2])
    model.values["\(place).std_0"] = HostArray(std, shape: [2])
    let x = Self.normal(40, seed: 2).enumerated().map {
      mean[$0.offset % 2] + std[$0.offset % 2] * $0.element
    }
    let flow = try model.compiled(Double.self)
    let found = try flow.logProb(
      Rows(x, columns: 2), context: Rows(Self.normal(20, seed: 3), columns: 1))
    for row in 0..<20 {
      var wanted = -log(2 * Double.pi)
      for i in 0..<2 {
        let z = (x[2 * row + i] - mean[i]) / std[i]
        wanted -= 0.5 * z * z + log(std[i])
      }
      // The variance that the network is given is 10⁻⁶ larger than that of the path.
      #expect(abs(found[row] - wanted) < 2e-5, "\(found[row]) \(wanted)")
    }
  }

  @Test(
    "its log-density is that of its samples, and its inverse leads back",
    arguments: [
      "", #", "time_embedding": "sinusoidal""#, #", "layer_norm": false, "activation": "ELU""#,
      #", "skip_connections": false"#,
    ])
  func consistent(network: String) throws {
    let text = Self.description(#", "atol": 1e-9, "rtol": 1e-9"#, network: network)
    let model = try Model(FlowDescription(text: text), seed: 4)
    let flow = try model.compiled(Double.self)
    let c = Rows(Self.normal(30, seed: 5), columns: 1)
    let draw = try flow.sample(30, context: c, seed: 6)
    let again = try flow.logProb(draw.x, context: c)
    for (a, b) in zip(draw.logProb, again) { #expect(abs(a - b) < 1e-6) }
    let z = try flow.transform(draw.x, context: c).rows
    let back = try flow.inverse(z, context: c).rows
    for (a, b) in zip(back.values, draw.x.values) { #expect(abs(a - b) < 1e-6) }
  }

  @Test("flow matching trains it, and without a context too", arguments: [0, 1])
  func trained(context: Int) throws {
    var model = try Model(
      FlowDescription(text: Self.description(network: "", context: context)), seed: 1)
    let noise = Self.normal(2000, seed: 7)
    let c = Self.normal(1000, seed: 8).map { Float($0) }
    let x = (0..<1000).flatMap { row -> [Float] in
      let first = Float(noise[2 * row])
      return [first, first + (context > 0 ? c[row] : 0) + 0.3 * Float(noise[2 * row + 1])]
    }
    var options = TrainingOptions()
    options.objective = .flowMatching
    options.epochs = 60
    options.batchSize = 100
    options.learningRate = 5e-3
    options.validation = 0
    let report = try model.fit(x, context: context > 0 ? c : [], options: options)
    let truth = -log(2 * Double.pi * M_E) - log(0.3)
    #expect(report.trainLogLikelihood > truth - 0.25, "\(report.trainLogLikelihood) \(truth)")
  }

  @Test(
    "a description that does not fit is refused with its place",
    arguments: [
      (#", "time_features": 5"#, "transform[0].network.time_features: found 5"),
      (#", "time_embedding": "learned""#, "one of random_fourier, sinusoidal"),
      (#", "heads": 3"#, "transform[0].network.heads: unknown argument"),
      (#", "activation": "Mish""#, "transform[0].network.activation"),
    ])
  func refused(network: String, message: String) throws {
    let text = Self.description(network: network)
      .replacing(
        #""time_features": 4, "time_features""#, with: #""time_features""#)
    #expect {
      _ = try Model(FlowDescription(text: text), seed: 1)
    } throws: {
      "\($0)".contains(message)
    }
    let other = Self.description().replacing("VectorFieldMLP", with: "VectorFieldAdaMLP")
    #expect {
      _ = try Model(FlowDescription(text: other), seed: 1)
    } throws: {
      "\($0)".contains("unknown type 'VectorFieldAdaMLP', expected one of VectorFieldMLP")
    }
  }
}
