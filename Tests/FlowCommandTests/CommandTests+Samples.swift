import FlowFiles
import Foundation
import Testing

/// Samples for several contexts, more than a call of the sampler draws.
extension CommandTests {
  @Test(
    "samples of several contexts are those of contexts that are repeated, however calls cut them")
  func samplesOfContexts() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = CompileCommandTests.fixtures + "/one-feature.safetensors"
    // A call draws some of one context's samples, or all of several contexts.
    for (name, contexts, count) in [("long", 2, 70_000), ("short", 3, 30_000)] {
      let given = try createRows("\(folder)/\(name).npy", columns: 3)
      let repeated = try createRows("\(folder)/\(name)-repeated.npy", columns: 3)
      for context in 0..<contexts {
        let row = (0..<3).map { sin(Float(3 * context + $0)) }
        try given.write(row)
        for _ in 0..<count { try repeated.write(row) }
      }
      try given.finish()
      try repeated.finish()
      for (source, rows) in [(name, count), (name + "-repeated", 1)] {
        let result = try flowir(
          "sample", model, "--rows", "\(rows)", "--context", "\(folder)/\(source).npy", "--seed",
          "4",
          "--output", "\(folder)/\(source)-x.npy")
        #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
      }
      let files = [name, name + "-repeated"].map {
        FileManager.default.contents(atPath: "\(folder)/\($0)-x.npy")
      }
      #expect(files[0] != nil && files[0] == files[1], "\(name)")
    }
  }
}
