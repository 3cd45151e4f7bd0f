import Flows
import Foundation

/// The demonstration: a neural spline flow of 100,000 galaxies (redshift and six magnitudes).
@main
struct Galaxies {
  static let features = 7

  static func main() async throws {
    guard CommandLine.arguments.count == 3 else {
      print("usage: galaxies GALAXIES.npy OUTPUT-FOLDER")
      exit(2)
    }
    let folder = CommandLine.arguments[2]
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let raw = try Rows<Float>(contentsOf: CommandLine.arguments[1])
    guard raw.columns == features else {
      throw FlowError.invalid(
        place: CommandLine.arguments[1], found: "\(raw.columns) columns", expected: "\(features)")
    }
    // Standardised with the training rows' mean and deviation.
    let held = 10_000
    let scale = Standardisation(raw.prefix(raw.count - held))
    let data = scale.standardised(raw)
    let training = Rows(Array(data.values.dropLast(held * features)), columns: features)
    let test = Rows(Array(data.values.suffix(held * features)), columns: features)

    var flow = try NSF(features: features, transforms: 3, seed: 1)
    var options = TrainingOptions()
    options.epochs = 30
    options.validation = 0.05
    options.seed = 1
    print("training an NSF on \(training.count) galaxies")
    let line = ProgressLine(isShown: isatty(2) == 1)
    let report = try await flow.fit(training, options: options, progress: line.show)
    line.clear()
    try flow.save(to: folder + "/galaxies.safetensors")

    let compiled = try flow.compiled()
    try compiled.prepare([.logProb, .sample])
    let trainScore = try mean(compiled.logProb(training))
    let testScore = try mean(compiled.logProb(test))
    print("train log-likelihood     \(nats(trainScore)) (best of \(report.epochs) epochs)")
    print("held-out log-likelihood  \(nats(testScore))")

    let samples = try compiled.sample(100_000, seed: 7).x
    try scale.unstandardised(samples).write(to: folder + "/samples.npy")
    let (_, catalogueSeconds) = try timed { try compiled.logProb(data) }
    print("scored the catalogue     \(rate(data.count, catalogueSeconds))")
    let (million, sampleSeconds) = try timed { try compiled.sample(1_000_000, seed: 8).x }
    print("drew a million rows      \(rate(1_000_000, sampleSeconds))")
    let (_, scoreSeconds) = try timed { try compiled.logProb(million) }
    print("scored a million rows    \(rate(1_000_000, scoreSeconds))")
  }

  static func mean(_ values: [Float]) -> Double {
    values.reduce(0) { $0 + Double($1) } / Double(values.count)
  }

  /// What a closure gives, and the seconds that it took.
  static func timed<Output>(_ body: () throws -> Output) rethrows -> (Output, Double) {
    let start = Date()
    return (try body(), Date().timeIntervalSince(start))
  }

  static func nats(_ value: Double) -> String { String(format: "%.3f nats", value) }

  static func rate(_ rows: Int, _ seconds: Double) -> String {
    String(format: "%.2f s, %.2f million rows/s", seconds, Double(rows) / seconds / 1e6)
  }
}

/// The mean and deviation of each column.
struct Standardisation {
  let mean: [Float]
  let deviation: [Float]

  init(_ rows: Slice<Rows<Float>>) {
    let columns = rows.base.columns
    var sum = [Double](repeating: 0, count: columns)
    for row in rows {
      for (column, value) in row.enumerated() { sum[column] += Double(value) }
    }
    let mean = sum.map { $0 / Double(rows.count) }
    var squares = [Double](repeating: 0, count: columns)
    for row in rows {
      for (column, value) in row.enumerated() {
        let difference = Double(value) - mean[column]
        squares[column] += difference * difference
      }
    }
    self.mean = mean.map { Float($0) }
    deviation = squares.map { Float(($0 / Double(rows.count)).squareRoot()) }
  }

  func standardised(_ rows: Rows<Float>) -> Rows<Float> {
    let columns = rows.columns
    return Rows(
      rows.values.enumerated().map { ($1 - mean[$0 % columns]) / deviation[$0 % columns] },
      columns: columns)
  }

  func unstandardised(_ rows: Rows<Float>) -> Rows<Float> {
    let columns = rows.columns
    return Rows(
      rows.values.enumerated().map { $1 * deviation[$0 % columns] + mean[$0 % columns] },
      columns: columns)
  }
}
