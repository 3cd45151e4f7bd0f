import FlowFiles
import FlowIR
import Foundation
import Testing

@testable import Flows

@Suite struct ArchitectureTests {
  @Test("an architecture in Swift, written as JSON and read again, is the same")
  func roundTrip() throws {
    let network = NetworkShape(hiddenFeatures: [8, 9], activation: .tanh)
    let masked = Architecture.Autoregressive(
      transforms: 2, randperm: true, passes: 2, network: network)
    let changed: [Architecture] = [
      .maf(masked), .nsf(masked, .init(bins: 4, slope: 1e-2)), .ncsf(masked, .init(bins: 4)),
      .sospf(masked, .init(degree: 3, polynomials: 2)), .bpf(masked, .init(degree: 5)),
      .naf(masked, .init(signal: 3, hiddenFeatures: [4])),
      .unaf(masked, .init(signal: 3, network: NetworkShape(hiddenFeatures: [4], normalize: true))),
      .nice(.init(transforms: 4, randmask: true, network: network)),
      .realNVP(.init(transforms: 4, network: NetworkShape(normalize: true))),
      .gf(.init(transforms: 2, components: 3, network: network)),
      .cnf(.init(freqs: 2, atol: 1e-3, rtol: 1e-4, network: network)),
      .gmm(.init(components: 3, covarianceType: .diagonal, tied: true, epsilon: 1e-3)),
      .ensemble(
        .init(members: [
          try FlowDescription(.maf(masked), features: 4, context: 3),
          try FlowDescription(.gmm(.init(components: 3)), features: 4, context: 3),
        ])),
    ]
    for architecture in changed + Architecture.all.filter({ $0 != .custom() }) {
      let written = try FlowDescription(architecture, features: 4, context: 3)
      let read = try FlowDescription(text: written.json.text)
      #expect(read.architecture == architecture)
      #expect(read.features == 4 && read.context == 3)
      #expect(try FlowDescription(read.architecture, features: 4, context: 3).json == written.json)
    }
    #expect(Set(changed.map(\.type)).count == FlowDescription.types.count - 1, "each kind once")
  }

  /// Descriptions of a few bytes that ask for more than a machine has.
  static let huge = [
    #"{"type": "GF", "features": 1000000}"#,
    #"{"type": "GF", "features": 100000}"#,
    #"{"type": "MAF", "features": 100000}"#,
    #"{"type": "MAF", "features": 100000, "hidden_features": [1]}"#,
    #"{"type": "NSF", "features": 3, "context": 1000000}"#,
    #"{"type": "NICE", "features": 5, "context": 3, "transforms": 1000000}"#,
    #"{"type": "CNF", "features": 3, "hidden_features": [100000, 100000]}"#,
    #"{"type": "MAF", "features": 3, "hidden_features": [1000000, 1000000]}"#,
    #"{"type": "NSF", "features": 3, "bins": 100000}"#,
    #"{"type": "BPF", "features": 3, "degree": 1000000}"#,
    #"{"type": "SOSPF", "features": 3, "degree": 1000, "polynomials": 1000, "hidden_features": [100000]}"#,
    #"{"type": "SOSPF", "features": 3, "polynomials": 100000}"#,
    #"{"type": "NAF", "features": 3, "signal": 100000}"#,
    #"{"type": "UNAF", "features": 30000, "network": {"hidden_features": [100000, 100000]}}"#,
    #"{"type": "GMM", "features": 100000, "components": 10000}"#,
    #"{"type": "GMM", "features": 2, "context": 4, "components": 1000000}"#,
    #"{"type": "MAF", "features": 2, "context": 2, "embedding": [{"type": "Linear", "out_features": 1000000}]}"#,
    #"{"type": "Flow", "features": 100000, "transform": [{"type": "UnconditionalTransform", "f": {"type": "LULinearTransform"}}], "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}}}"#,
    #"{"type": "Flow", "features": 2, "transform": [{"type": "ElementWiseTransform", "features": 2, "univariate": {"type": "SOSPolynomialTransform"}, "shapes": [[1000000, 1000000]]}], "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}}}"#,
  ]

  @Test("a description that asks for too much is refused before anything is built", arguments: huge)
  func tooLarge(text: String) throws {
    let error = #expect(throws: FlowError.self) { try Model(FlowDescription(text: text)) }
    let message = error?.description ?? ""
    #expect(message.contains("expected"), "\(message)")
    #expect(message.contains(" to 1") || message.contains("at most"), "\(message)")
  }

  @Test("a description that its file does not bear out is refused", arguments: huge)
  func notInFile(text: String) throws {
    let path = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try SafetensorsFile(metadata: ["flowir.flow": text]).write(to: path)
    #expect(throws: FlowError.self) { try Model(path: path) }
  }

  @Test("an order with the largest integers is an order")
  func largestOrder() throws {
    let path = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try MAF(features: 2, transforms: 1, hiddenFeatures: [3]).model.save(to: path)
    var file = try SafetensorsFile(path: path)
    let name = "transform.transforms.0.order"
    file[name] = StoredTensor([.min, .max] as [Int64], shape: [2])
    try file.write(to: path)
    #expect(throws: Never.self) { try Model(path: path) }
  }
}

@Suite struct HiddenUnitTests {
  /// The rule as `zuko.nn.MaskedMLP` states it, cubic in the number of outputs.
  private func plainMasks(_ adjacency: Mask, widths: [Int]) -> [Mask] {
    func row(_ index: Int) -> [Bool] { Array(adjacency.row(index)) }
    let classes = Set((0..<adjacency.rows).map(row)).sorted {
      $0.lexicographicallyPrecedes($1) { !$0 && $1 }
    }
    let precedence = classes.map { a in
      classes.map { b in zip(a, b).allSatisfy { $0 || !$1 } }
    }
    var masks: [Mask] = []
    var indices: [Int] = []
    for layer in 0...widths.count {
      let table = layer == 0 ? classes : precedence.map { row in indices.map { row[$0] } }
      let reachable = table.indices.filter { table[$0].contains(true) }
      indices =
        layer < widths.count
        ? (0..<widths[layer]).map { reachable[$0 % reachable.count] }
        : (0..<adjacency.rows).map { classes.firstIndex(of: row($0)) ?? 0 }
      let bits = indices.flatMap { table[$0] }
      masks.append(Mask(rows: indices.count, columns: bits.count / indices.count, bits: bits))
    }
    return masks
  }

  @Test("hidden units see what the plain rule says", arguments: [1, 3, 63, 64, 65, 130])
  func hiddenUnits(inputs: Int) {
    var generator = SeededGenerator(seed: UInt64(inputs))
    for density in [0.05, 0.4, 0.9] {
      var bits = (0..<inputs * 20).map { _ in generator.uniform() < density }
      bits[0] = true
      let adjacency = Mask(
        rows: 40, columns: inputs, bits: bits + bits)
      let widths = [7, 31, 50]
      let units = HiddenUnits(outputsOf: adjacency, widths: widths)
      let expected = plainMasks(adjacency, widths: widths)
      for index in expected.indices { #expect(units.mask(index) == expected[index]) }
    }
  }
}
