import Foundation
import Testing

@testable import FlowPasses

/// The pages "How each pass works" and "How passes work in training" describe every pass.
@Suite struct PassesPageTests {
  @Test("each pass has a section of a page, and an example that runs it")
  func sections() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Sources/FlowPasses/FlowPasses.docc")
    let sections = try ["HowPassesWork.md", "HowTrainingPassesWork.md"].flatMap { page in
      try String(contentsOf: folder.appendingPathComponent(page), encoding: .utf8)
        .components(separatedBy: "\n### ").dropFirst()
    }
    let names = sections.map { String($0.prefix { $0 != "\n" }) }
    #expect(Set(names) == Set(Pipeline.all.map(\.name)))
    #expect(names.count == Pipeline.all.count)
    for (name, section) in zip(names, sections) {
      #expect(section.contains("flowir opt \(name).flowir --pass \(name)"), "\(name)")
      #expect(section.contains("<!-- output -->"), "\(name)")
    }
  }
}
