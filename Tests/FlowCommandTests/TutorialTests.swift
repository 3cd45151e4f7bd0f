import FlowFiles
import Foundation
import Testing

/// The tutorials as processes, with fewer steps than they make by themselves.
@Suite struct TutorialTests {
  private func lines(_ lesson: String, steps: Int, in folder: String) throws -> [String] {
    try runExample("Tutorials", [lesson, folder, "\(steps)"])
  }

  /// The last number of each line that starts with `start`.
  private func numbers(_ lines: [String], _ start: String) -> [Double] {
    lines.filter { $0.hasPrefix(start) }
      .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
  }

  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "tutorials-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test("basics: the inverse undoes, the Jacobian is triangular in the order")
  func basics() throws {
    try inFolder { folder in
      let text = try lines("basics", steps: 1, in: folder)
      let rows = text.map { $0.split(separator: " ").compactMap { Double($0) } }
      let back = try #require(text.firstIndex(of: "and back:"))
      #expect(rows[back + 1] == [-20, -1, 0, 1, 20])
      let jacobian = try #require(text.firstIndex { $0.hasPrefix("the Jacobian") })
      #expect(rows[jacobian + 2][0] == 0 && rows[jacobian + 2][2] == 0)
      #expect(rows[jacobian + 3][0] == 0 && rows[jacobian + 3][1] != 0)
    }
  }

  @Test("forward KL: each conditional density sums to one")
  func forwardKL() throws {
    try inFolder { folder in
      let text = try lines("forward-kl", steps: 500, in: folder)
      let losses = numbers(text, "step")
      #expect(losses.count == 5 && losses[4] < losses[0] - 0.3)
      let masses = numbers(text, "moon")
      #expect(masses.count == 2 && masses.allSatisfy { abs($0 - 1) < 0.02 })
      #expect(try openRows(folder + "/forward-kl-samples-1.npy").rowCount == 20_000)
    }
  }

  @Test("reverse KL: importance sampling gives the evidence")
  func reverseKL() throws {
    try inFolder { folder in
      let text = try lines("reverse-kl", steps: 1000, in: folder)
      let evidence = numbers(text, "log Z")
      try #require(evidence.count == 2)
      #expect(abs(evidence[0] - evidence[1]) < 0.02)
      #expect(try #require(numbers(text, "effective").first) > 0.8)
    }
  }

  @Test("VAE: the bound grows")
  func vae() throws {
    try inFolder { folder in
      let losses = numbers(try lines("vae", steps: 150, in: folder), "step")
      #expect(losses.count == 5 && losses[4] < losses[0] - 100)
      #expect(try openRows(folder + "/vae-new.npy").columns == 256)
    }
  }

  @Test("Bayesian: the mean density sums to one")
  func bayesian() throws {
    try inFolder { folder in
      let text = try lines("bayesian", steps: 300, in: folder)
      let mass = try #require(numbers(text, "mass").first)
      #expect(abs(mass - 1) < 0.05)
      #expect(try openRows(folder + "/bayesian-density.npy").columns == 2)
    }
  }
}
