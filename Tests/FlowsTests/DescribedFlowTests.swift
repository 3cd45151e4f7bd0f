import FlowFiles
import Foundation
import Testing

@testable import Flows

/// The whole flows that the documentation describes.
@Suite struct DescribedFlowTests {
  /// The blocks of JSON of a page that describe a flow.
  private static func flows(_ page: String) throws -> [String] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(
      contentsOf: root.appendingPathComponent("Sources/Flows/Flows.docc/\(page).md"),
      encoding: .utf8)
    return text.components(separatedBy: "```json\n").dropFirst().compactMap { block in
      let json = block.components(separatedBy: "```")[0]
      return json.hasPrefix(#"{"type": "Flow""#) ? json : nil
    }
  }

  @Test("each flow of parts is built, trained to two peaks, and integrates to 1")
  func trained() async throws {
    let flows = try Self.flows("OtherLibraries")
    #expect(flows.count >= 3)
    var generator = SeededGenerator(seed: 11)
    // Two peaks, far from zero and of different widths.
    let x = Rows(
      (0..<2_000).flatMap { index -> [Float] in
        let (a, b) = (Float(generator.normal()), Float(generator.normal()))
        return index % 2 == 0 ? [20 + a, 3 + 0.5 * b] : [26 + 0.5 * a, 6 + b + a]
      }, columns: 2)
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.learningRate, options.seed) = (30, 100, 5e-3, 1)
    // That of one normal distribution with the rows' mean and covariance.
    let normal = Self.normal(x)
    for json in flows {
      var model = try Model(FlowDescription(text: json), seed: 1)
      // The block flow has no ActNorm: units before it do the same.
      if !json.contains("ActNorm") { try model.standardize(x) }
      let report = try await model.fit(x, options: options)
      #expect(
        report.trainLogLikelihood > normal + 0.15, "\(report.trainLogLikelihood) \(normal) \(json)")
      let flow = try model.compiled(Double.self)
      let (width, height) = (400, 300)
      var points: [Double] = []
      for i in 0..<width {
        for j in 0..<height {
          points += [
            10 + 25 * (Double(i) + 0.5) / Double(width),
            -4 + 19 * (Double(j) + 0.5) / Double(height),
          ]
        }
      }
      let mass =
        try flow.logProb(Rows(points, columns: 2)).reduce(0) { $0 + exp($1) }
        * 25 * 19 / Double(width * height)
      // Tails outside of the grid, and kinks between its points.
      #expect(abs(mass - 1) < 0.01, "\(mass) \(json)")
    }
  }

  private static func normal(_ x: Rows<Float>) -> Double {
    let count = Double(x.count)
    func mean(_ f: (Double, Double) -> Double) -> Double {
      x.reduce(0) { $0 + f(Double($1[0]), Double($1[1])) } / count
    }
    let (a, b) = (mean { a, _ in a }, mean { _, b in b })
    let (aa, bb) = (mean { x, _ in (x - a) * (x - a) }, mean { _, y in (y - b) * (y - b) })
    let ab = mean { ($0 - a) * ($1 - b) }
    return -(log(2 * Double.pi) + 1 + 0.5 * log(aa * bb - ab * ab))
  }
}
