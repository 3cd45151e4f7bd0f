import Foundation
import Testing

@testable import FlowPasses

/// The page "How each pass works" describes every pass.
@Suite struct PassesPageTests {
  @Test("each pass has a section of the page, and an example that runs it")
  func sections() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Sources/FlowPasses/FlowPasses.docc/HowPassesWork.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let sections = text.components(separatedBy: "\n### ").dropFirst()
    let names = sections.map { String($0.prefix { $0 != "\n" }) }
    #expect(Set(names) == Set(Pipeline.all.map(\.name)))
    #expect(names.count == Pipeline.all.count)
    for (name, section) in zip(names, sections) {
      #expect(section.contains("flowir opt \(name).flowir --pass \(name)"), "\(name)")
      #expect(section.contains("<!-- output -->"), "\(name)")
    }
  }
}
