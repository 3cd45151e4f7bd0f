import FlowFiles
import Flows
import Foundation
import Testing

/// Commands about a density that is an estimate.
@Suite struct EstimateCommandTests {
  private let command = CommandTests()

  private func flow(_ arguments: String = "") throws -> Model {
    try Model(
      FlowDescription(
        text: """
          {"type": "Flow", "features": 3, "context": 0, "transform": [
            {"type": "LazyResidualTransform", "features": 3, "hidden_features": [8]\(arguments)}],
           "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": true}}
          """), seed: 1)
  }

  @Test("score and info say that a density is an estimate, and other probes give another")
  func probes() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/m.safetensors"
    try flow(#", "probes": 1, "terms": 1"#).save(to: path)
    try flow().save(to: folder + "/exact.safetensors")
    try "0.5,1,2\n-1,0,3\n".write(toFile: folder + "/x.csv", atomically: true, encoding: .utf8)

    func score(_ more: String...) throws -> [Double] {
      let output = folder + "/s.npy"
      let result = try command.flowir(
        ["score", path, "--input", folder + "/x.csv", "--output", output, "--json"] + more)
      #expect(result.status == 0, "\(result.errors)")
      #expect(try JSONValue.parse(result.output.utf8)["density"] == .string("estimate"))
      return try openRows(output).read(10)
    }
    let (own, again) = (try score(), try score("--probe-seed", "0"))
    #expect(own == again)
    let other = try score("--probe-seed", "1")
    #expect(other != own && zip(other, own).allSatisfy { abs($0 - $1) < 0.5 })

    let info = try command.flowir(["info", path]).output
    #expect(info.contains("\ndensity     an estimate, unbiased"))
    let exact = folder + "/exact.safetensors"
    #expect(try !command.flowir(["info", exact]).output.contains("density"))
    let refused = try command.flowir([
      "score", exact, "--input", folder + "/x.csv", "--output", folder + "/s.npy",
      "--probe-seed", "1",
    ])
    #expect(refused.status == 2 && refused.errors.contains("that of \(exact) is exact"))
  }
}
