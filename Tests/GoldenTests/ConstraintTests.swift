import Foundation
import Testing

/// Each labelled constraint of `IR/spec.md` has a line that breaks it in the verifier's golden tests.
@Suite struct ConstraintTests {
  /// Constraints that no text can break: a region always yields something there.
  static let unwritable: Set = ["autoregressive_inverse C2"]

  @Test("each constraint of the specification is broken by a line of a golden test")
  func constraints() throws {
    let spec = try String(
      contentsOf: GoldenTests.root.deletingLastPathComponent().appendingPathComponent("spec.md"),
      encoding: .utf8)
    let goldens = try GoldenTests.files.filter { $0.hasPrefix("verifier/") }.map {
      try String(contentsOf: GoldenTests.root.appendingPathComponent($0), encoding: .utf8)
    }.joined()
    var names: [Substring] = []
    var labels = 0
    for line in spec.split(separator: "\n") {
      if line.hasPrefix("### ") { names = line.dropFirst(4).split(separator: ", ") }
      guard !names.isEmpty, line.hasPrefix("C") else { continue }
      for match in line.matches(of: /C[0-9]:/) {
        let label = match.output.dropLast()
        labels += 1
        let isBroken = names.contains { goldens.contains("// error: I2: \($0) (\(label)): ") }
        #expect(
          isBroken || Self.unwritable.contains("\(names[0]) \(label)"), "\(names[0]) (\(label))")
      }
    }
    #expect(labels > 50)
    for label in ["C0", "C1"] { #expect(goldens.contains("(\(label)): ")) }
    for invariant in ["I2", "I3", "I4", "I5", "I6"] {
      #expect(goldens.contains("// error: \(invariant): "))
    }
  }
}
