import Foundation
import Testing

/// The pages of documentation beside the code.
@Suite struct DocumentationTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test("the page of Zuko's names has a row in its section for every public name of Zuko 1.6")
  func zukoNames() throws {
    let page = try String(
      contentsOf: Self.root.appendingPathComponent("Sources/Flows/Flows.docc/FromZuko.md"),
      encoding: .utf8)
    let list = try #require(
      Bundle.module.url(forResource: "zuko-names", withExtension: "txt", subdirectory: "Fixtures"))
    let names = try String(contentsOf: list, encoding: .utf8).split(separator: "\n")
    #expect(names.count > 70)
    // Each section starts with its heading; the first columns of its rows hold the names.
    var rows: [String: String] = [:]
    for section in page.components(separatedBy: "\n## ") {
      let lines = section.split(separator: "\n")
      guard let heading = lines.first else { continue }
      rows[String(heading)] = lines.filter { $0.hasPrefix("|") }
        .compactMap { $0.split(separator: "|").first.map(String.init) }.joined(separator: "\n")
    }
    for entry in names {
      let parts = entry.split(separator: " ")
      let column = rows[String(parts[0])] ?? ""
      #expect(
        column.contains("`\(parts[1])`") || column.contains("`\(parts[1])("),
        "\(entry) is not in its section")
    }
  }

  @Test("the examples and lessons need no module of flowir but Flows")
  func examplesImportFlowsAlone() throws {
    let folder = Self.root.appendingPathComponent("Sources/Examples")
    let files = try #require(
      FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?
        .compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" })
    #expect(files.count > 10)
    for file in files {
      let text = try String(contentsOf: file, encoding: .utf8)
      for line in text.split(separator: "\n") where line.contains("import ") {
        let module = line.split(separator: " ").last.map(String.init) ?? ""
        #expect(
          !line.hasPrefix("import") || ["Flows", "Foundation", "Dispatch"].contains(module),
          "\(file.lastPathComponent): \(line)")
      }
    }
  }
}
