import FlowFiles
import Flows
import Foundation
import Testing

/// Model files of older releases of Zuko on the command line.
@Suite struct ReleaseCommandTests {
  private let run = CommandTests()

  private func model(_ description: String, at path: String) throws {
    try Model(FlowDescription(text: description), seed: 3).save(to: path)
  }

  @Test("info, score and sample take a file of an older release, and agree")
  func commands() throws {
    let folder = NSTemporaryDirectory() + "release-\(UUID())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/m.safetensors"
    try model(
      #"{"type": "NSF", "zuko": "1.3.0", "features": 2, "hidden_features": [8], "bins": 4}"#,
      at: path)

    let info = try run.flowir("info", path)
    #expect(info.status == 0)
    #expect(info.output.contains(#""zuko":"1.3.0""#) || info.output.contains(#""zuko": "1.3.0""#))
    #expect(info.output.contains("_0") && info.output.contains("_1"))

    let sample = try run.flowir(
      "sample", path, "--rows", "100", "--seed", "1", "--output", folder + "/x.npy", "--log-prob",
      folder + "/lp.npy")
    #expect(sample.status == 0 && sample.errors.isEmpty, "\(sample.errors)")
    let score = try run.flowir(
      "score", path, "--input", folder + "/x.npy", "--output", folder + "/s.npy")
    #expect(score.status == 0 && score.errors.isEmpty, "\(score.errors)")
    let drawn = try openRows(folder + "/lp.npy").read(1000)
    let scored = try openRows(folder + "/s.npy").read(1000)
    #expect(drawn.count == 100 && scored.count == 100)
    // float32: the inverse of a spline and back.
    for (a, b) in zip(drawn, scored) { #expect(abs(a - b) < 1e-3 * (1 + abs(b))) }
  }

  @Test("an unknown release, and an argument that came later, are errors with file and place")
  func errors() throws {
    let folder = NSTemporaryDirectory() + "release-\(UUID())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (description, place) in [
      (#"{"type": "NSF", "zuko": "1.7.0", "features": 2}"#, "zuko: found \"1.7.0\""),
      (#"{"type": "NSF", "zuko": "1.3.0", "features": 2, "slope": 0.1}"#, "slope: 'slope' needs"),
    ] {
      let path = folder + "/m.safetensors"
      try SafetensorsFile(metadata: ["flowir.flow": description]).write(to: path)
      let result = try run.flowir("info", path)
      #expect(result.status == 1 && result.output.isEmpty)
      #expect(result.errors.contains(place), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1)
    }
  }
}
