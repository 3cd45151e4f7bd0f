import FlowFiles
import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

@Suite struct DescriptionTests {
  @Test(
    "bad descriptions name the place",
    arguments: [
      (#"{"features": 3}"#, "type: found nothing"),
      (#"{"type": "XYZ", "features": 3}"#, "type: unknown type 'XYZ'"),
      (#"{"type": "MAF"}"#, "features: found nothing"),
      (#"{"type": "MAF", "features": "3"}"#, "features: found \"3\""),
      (#"{"type": "MAF", "features": 3, "bins": 8}"#, "bins: unknown argument"),
      (#"{"type": "NSF", "features": 3, "activation": "Foo"}"#, "activation: found \"Foo\""),
      (#"{"type": "NSF", "features": 3, "hidden_features": [0]}"#, "hidden_features"),
      (
        #"{"type": "Flow", "features": 3, "transform": [{"type": "Bar"}], "base": {}}"#,
        "transform[0].type: unknown type 'Bar'"
      ),
      (
        #"{"type": "Flow", "features": 3, "transform": [{"type": "MaskedAutoregressiveTransform", "features": 3, "univariate": {"type": "MonotonicRQSTransform"}, "shapes": [[8], [8], [8]]}], "base": {}}"#,
        "transform[0].shapes"
      ),
      (
        #"{"type": "Flow", "features": 2, "transform": [{"type": "MaskedAutoregressiveTransform", "features": 2, "adjacency": [[1, 1], [1, 1]]}], "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}}}"#,
        "cycle"
      ),
    ])
  func bad(text: String, message: String) {
    let error = #expect(throws: FlowError.self) { try Model(FlowDescription(text: text)) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test("a model survives saving and loading, bit by bit")
  func roundTrip() throws {
    let folder = FileManager.default.temporaryDirectory.path
    let path = folder + "/flowir-\(UUID().uuidString).safetensors"
    defer { try? FileManager.default.removeItem(atPath: path) }
    for text in [
      #"{"type": "MAF", "features": 4, "randperm": true, "hidden_features": [8]}"#,
      #"{"type": "RealNVP", "features": 5, "context": 2, "randmask": true}"#,
      #"{"type": "NSF", "features": 1, "bins": 4}"#,
    ] {
      let model = try Model(FlowDescription(text: text), seed: 9)
      try model.save(to: path)
      let loaded = try Model(path: path)
      #expect(loaded.values == model.values)
      #expect(loaded.parameters.map(\.name) == model.parameters.map(\.name))
      #expect(
        loaded.trace(.logProb).text == model.trace(.logProb).text, "orders and masks are read")
    }
  }

  @Test("missing, mis-shaped and unused tensors are errors that name them")
  func tensors() throws {
    let path = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = try Model(FlowDescription(text: #"{"type": "MAF", "features": 2}"#))
    try model.save(to: path)
    let name = "transform.transforms.1.hyper.2.weight"
    let good = try SafetensorsFile(path: path)
    var file = good
    file[name] = nil
    try file.write(to: path)
    #expect(throws: FlowError.missingTensor(name: name, expected: "F32 [64, 64]")) {
      try Model(path: path)
    }
    file = good
    file[name] = StoredTensor([1, 2] as [Float], shape: [2])
    try file.write(to: path)
    #expect(
      throws: FlowError.wrongTensor(name: name, found: "F32 [2]", expected: "F32 [64, 64]")
    ) { try Model(path: path) }
    file = good
    file["extra"] = StoredTensor([1, 2] as [Float], shape: [2])
    try file.write(to: path)
    #expect(throws: FlowError.unusedTensor(name: "extra")) { try Model(path: path) }
  }
}
