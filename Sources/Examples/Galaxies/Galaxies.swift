import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// The demonstration: a neural spline flow of 100,000 galaxies (redshift and six magnitudes).
@main
struct Galaxies {
  static let features = 7

  static func main() throws {
    guard CommandLine.arguments.count == 3 else {
      print("usage: galaxies GALAXIES.npy OUTPUT-FOLDER")
      exit(2)
    }
    let folder = CommandLine.arguments[2]
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let raw = try readAll(CommandLine.arguments[1])
    let rows = raw.count / features
    // Standardised with the training rows' mean and deviation.
    let held = 10_000
    let (mean, deviation) = moments(raw, rows: rows - held)
    let data = raw.enumerated().map {
      ($1 - mean[$0 % features]) / deviation[$0 % features]
    }
    let training = Array(data.prefix((rows - held) * features))
    let test = Array(data.suffix(held * features))

    var model = try NSF(features: 7, transforms: 3, seed: 1).model
    var options = TrainingOptions()
    options.epochs = 30
    options.schedule = .cosine
    options.validation = 0.05
    options.seed = 1
    print("training an NSF on \(rows - held) galaxies")
    let line = ProgressLine(isShown: true)
    let report = try model.fit(training, options: options, progress: { line.show($0) })
    line.clear()
    try model.save(to: folder + "/galaxies.safetensors")

    let score = try compile(model.trace(.logProb).optimized(), model)
    let trainScore = try meanLogProb(score, training)
    let testScore = try meanLogProb(score, test)
    print("train log-likelihood     \(nats(trainScore)) (best of \(report.epochs) epochs)")
    print("held-out log-likelihood  \(nats(testScore))")

    let sampler = try compile(model.trace(.sample).optimized(), model)
    let (samples, _) = try draw(sampler, rows: 100_000, seed: 7)
    try writeRows(unstandardised(samples, mean, deviation), folder + "/samples.npy")
    let (_, catalogueSeconds) = try timedScore(score, data)
    print("scored the catalogue     \(rate(rows, catalogueSeconds))")
    let (million, sampleSeconds) = try draw(sampler, rows: 1_000_000, seed: 8)
    print("drew a million rows      \(rate(1_000_000, sampleSeconds))")
    let (_, scoreSeconds) = try timedScore(score, million)
    print("scored a million rows    \(rate(1_000_000, scoreSeconds))")
  }

  static func readAll(_ path: String) throws -> [Float] {
    let reader = try openRows(path)
    guard reader.columns == features else {
      throw FileError.mismatch(
        path: path, found: "\(reader.columns) columns", expected: "\(features)")
    }
    var values: [Float] = []
    while true {
      let part = try reader.readFloats(65536)
      if part.isEmpty { return values }
      values += part
    }
  }

  static func moments(_ values: [Float], rows: Int) -> ([Float], [Float]) {
    var sum = [Double](repeating: 0, count: features)
    var squares = sum
    for index in 0..<rows * features {
      sum[index % features] += Double(values[index])
    }
    let mean = sum.map { $0 / Double(rows) }
    for index in 0..<rows * features {
      let difference = Double(values[index]) - mean[index % features]
      squares[index % features] += difference * difference
    }
    return (mean.map { Float($0) }, squares.map { Float(($0 / Double(rows)).squareRoot()) })
  }

  static func unstandardised(_ x: [Float], _ mean: [Float], _ deviation: [Float]) -> [Float] {
    x.enumerated().map { $1 * deviation[$0 % features] + mean[$0 % features] }
  }

  static func meanLogProb(_ score: BoundFunction, _ x: [Float]) throws -> Double {
    let values = try timedScore(score, x).0
    return values.reduce(0) { $0 + Double($1) } / Double(values.count)
  }

  static func timedScore(_ score: BoundFunction, _ x: [Float]) throws -> ([Float], Double) {
    let input = HostArray(x, shape: [x.count / features, features])
    let start = Date()
    let result = try score(["x": input], rows: x.count / features)
    return (result["log_prob"]?.floats ?? [], Date().timeIntervalSince(start))
  }

  static func draw(_ sampler: BoundFunction, rows: Int, seed: Int32) throws -> ([Float], Double) {
    let start = Date()
    let result = try sampler(["seed": HostArray([seed, 0], shape: [2])], rows: rows)
    return (result["x"]?.floats ?? [], Date().timeIntervalSince(start))
  }

  static func writeRows(_ x: [Float], _ path: String) throws {
    let writer = try createRows(path, columns: features)
    try writer.write(x)
    try writer.finish()
  }

  static func nats(_ value: Double) -> String { String(format: "%.3f nats", value) }

  static func rate(_ rows: Int, _ seconds: Double) -> String {
    String(format: "%.2f s, %.2f million rows/s", seconds, Double(rows) / seconds / 1e6)
  }
}
