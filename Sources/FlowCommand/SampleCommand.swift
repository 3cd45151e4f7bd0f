import ArgumentParser
import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// `flowir sample`.
struct Sample: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw samples.",
    discussion: """
      With a context of one row, N samples for that row; with M rows, N for each, in their order. \
      The same seed gives the same bytes at any number of threads.

      EXAMPLE: flowir sample model.safetensors --rows 100000 --seed 1 --output x.npy
      """)

  @Argument(help: "The model file, or a compiled .so.") var model: String
  @Option(help: "How many samples to draw (for each context).") var rows: Int
  @Option(help: "The contexts to draw for.") var context: String?
  @Option(help: "The seed of the random numbers.") var seed: UInt64 = 0
  @Option(help: "Where to write the samples.") var output: String
  @Option(name: .customLong("log-prob"), help: "Where to write their log-densities, in nats.")
  var logProb: String?
  @OptionGroup var options: CommonOptions

  func validate() throws {
    if rows < 1 { throw ValidationError("--rows must be 1 or more") }
  }

  func run() throws {
    let start = Date()
    let model = try AnyModel(path: model)
    let precision = try model.precision(options, path: self.model)
    let contexts = try readContexts(model)
    let count = model.context > 0 ? contexts.count / model.context : 1
    let total = rows * count
    let shared = count == 1
    let sampler = try model.function(.sample, options, sharedContext: shared)
    let writer = try createRows(output, columns: model.features, type: precision.rowType)
    let scores = try logProb.map {
      try createRows($0, columns: nil, type: precision.rowType)
    }
    let seeds = [Int32(truncatingIfNeeded: seed), Int32(truncatingIfNeeded: seed >> 32)]
    var done = 0
    while done < total {
      let part = min(65536, total - done)
      var inputs = ["seed": HostArray(seeds, shape: [2])]
      if model.context > 0, shared {
        inputs["context"] = HostArray(contexts, shape: [model.context])
      } else if model.context > 0 {
        var repeated: [Double] = []
        repeated.reserveCapacity(part * model.context)
        for row in done..<done + part {
          let place = row / rows * model.context
          repeated += contexts[place..<place + model.context]
        }
        inputs["context"] = hostArray(repeated, part, model.context, precision)
      }
      let drawn = try sampler(inputs, rows: part, firstRow: done, threads: options.threads)
      if let x = drawn["x"] { try write(x, to: writer) }
      if let scores, let values = drawn["log_prob"] { try write(values, to: scores) }
      done += part
    }
    try writer.finish()
    try scores?.finish()
    let seconds = Date().timeIntervalSince(start)
    options.summary(
      [("rows", .integer(total)), ("seconds", .number(seconds))],
      "drew \(total) samples in \(Format.seconds(seconds))")
  }

  private func readContexts(_ model: AnyModel) throws -> [Double] {
    guard let context else {
      guard model.context == 0 else {
        throw FileError.mismatch(
          path: self.model, found: "no context",
          expected: "--context with \(model.context) columns, since the flow is conditional")
      }
      return []
    }
    let reader = try openRows(context)
    guard model.context > 0, reader.columns == model.context else {
      throw FileError.mismatch(
        path: context, found: "\(reader.columns) columns",
        expected: model.context == 0
          ? "no context, since the flow is unconditional" : "\(model.context) context features")
    }
    var values: [Double] = []
    while true {
      let part = try reader.read(65536)
      if part.isEmpty { break }
      values += part
    }
    guard !values.isEmpty else {
      throw FileError.mismatch(path: context, found: "0 rows", expected: "1 row or more")
    }
    return values
  }
}

/// Appends an array's elements without losing digits.
func write(_ array: HostArray, to writer: any RowWriter) throws(FileError) {
  switch array.storage {
  case .float64(let values): try writer.write(values)
  case .float32(let values): try writer.write(values)
  case .int32(let values): try writer.write(values.map(Double.init))
  }
}
