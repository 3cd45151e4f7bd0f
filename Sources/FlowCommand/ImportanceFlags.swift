import ArgumentParser
import FlowFiles
import FlowRuntime
import Flows
import Synchronization

/// Samples that are weighted to be those of another density.
struct ImportanceFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Weigh the samples to be those of another density: a file of its logarithm for each sample, in their "
        + "order and in nats (it need not be normalized), or another model.",
      valueName: "file"))
  var logTarget: String?
  @Option(help: "With --log-target: where to write the weights; those of a context sum to 1.")
  var weights: String?
  @Flag(help: "With --log-target: smooth the largest weights by a Pareto distribution.")
  var smoothWeights = false

  func check() throws {
    guard logTarget == nil else { return }
    if weights != nil { throw ValidationError("--weights are those of --log-target; give one") }
    if smoothWeights { throw ValidationError("--smooth-weights is for --log-target; give one") }
  }

  /// A sampler that also weighs its samples; nil if there is no target.
  func weigher<Number: RowNumber>(
    _ sampler: any RowFunction, _ model: AnyModel, isCentred: Bool, total: Int,
    as type: Number.Type
  ) throws -> ImportanceSampler<Number>? {
    guard let logTarget else { return nil }
    guard total <= 1 << 31 else {
      throw ValidationError("--log-target takes at most 2^31 samples, found \(total)")
    }
    if logTarget.hasSuffix(".safetensors") || logTarget.hasSuffix(".so") {
      let target = try AnyModel(path: logTarget)
      guard target.features == model.features, [0, model.context].contains(target.context) else {
        throw FileError.mismatch(
          path: logTarget, found: "\(target.features) features and \(target.context) of context",
          expected: "\(model.features) features, and \(model.context) of context or none")
      }
      guard !isCentred else {
        throw FileError.mismatch(
          path: logTarget, found: "units whose numbers float32 does not hold",
          expected: "--dtype f64, to weigh samples by another model")
      }
      return ImportanceSampler(
        sampler, .model(try target.compiled(as: type)), isFlowsContext: target.context > 0)
    }
    let reader = try openTable(logTarget, columns: 1, "log-densities", options: TableOptions())
    if let rows = reader.rowCount, rows != total {
      throw FileError.mismatch(
        path: logTarget, found: "\(rows) rows", expected: "\(total), one for each sample")
    }
    return ImportanceSampler(sampler, .file(reader, logTarget), isFlowsContext: false)
  }

  /// Writes the weights and says what they are worth.
  func finish<Number: RowNumber>(
    _ sampler: ImportanceSampler<Number>, each: Int, into place: RowOutput?
  ) throws -> ImportanceReport {
    let all = sampler.logWeights
    let writer = try place.map { place throws(FileError) in
      try createRows(place, columns: nil, type: .f64)
    }
    var report = ImportanceReport(path: logTarget ?? "", each: each)
    for start in stride(from: 0, to: all.count, by: each) {
      let weights = ImportanceWeights(logWeights: Array(all[start..<start + each]))
      try writer?.write(smoothWeights ? weights.smoothed : weights.normalized)
      report.add(weights)
    }
    try writer?.finish()
    return report
  }
}

/// A sampler that keeps log target - log flow of each of its samples.
final class ImportanceSampler<Number: RowNumber>: RowFunction {
  enum Target {
    case model(CompiledFlow<Number>)
    case file(any RowReader, String)
  }

  private let sampler: any RowFunction
  nonisolated(unsafe) private let target: Target
  private let isFlowsContext: Bool
  private let kept = Mutex<[Double]>([])

  /// A sampler and a target, which has the flow's own context or none.
  init(_ sampler: any RowFunction, _ target: Target, isFlowsContext: Bool) {
    (self.sampler, self.target, self.isFlowsContext) = (sampler, target, isFlowsContext)
  }

  /// log target - log flow of the samples so far.
  var logWeights: [Double] { kept.withLock { $0 } }

  func callAsFunction(
    _ inputs: [String: HostArray], rows: Int, firstRow: Int, threads: Int?
  ) throws -> [String: HostArray] {
    let found = try sampler(inputs, rows: rows, firstRow: firstRow, threads: threads)
    guard let x = found["x"], let logProb = found["log_prob"] else { return found }
    let values: [Double]
    switch target {
    case .model(let flow):
      let context = inputs["context"].map { context in
        Rows(Number.values(of: context), columns: context.shape.last ?? 1)
      }
      values = try flow.logProb(
        Rows(Number.values(of: x), columns: flow.features),
        context: isFlowsContext ? context : nil, threads: threads
      ).map { Double($0) }
    case .file(let reader, let path):
      values = try reader.read(rows)
      guard values.count == rows else {
        throw FileError.mismatch(
          path: path, found: "\(firstRow + values.count) rows",
          expected: "as many as there are samples")
      }
    }
    let weights = zip(values, Number.values(of: logProb)).map { $0 - Double($1) }
    kept.withLock { $0 += weights }
    return found
  }
}

/// What the weights of samples are worth.
struct ImportanceReport {
  let path: String
  let each: Int
  private var contexts = 0
  private var invalid = 0
  private var leastSize = Double.infinity
  private var largestK = -Double.infinity
  private var logMean = (value: Double.nan, error: Double.nan)

  init(path: String, each: Int) { (self.path, self.each) = (path, each) }

  /// Adds the weights of a context's samples.
  mutating func add(_ weights: ImportanceWeights) {
    contexts += 1
    invalid += weights.invalid.count
    leastSize = min(leastSize, weights.effectiveSampleSize)
    largestK = max(largestK, weights.paretoK)
    logMean = (weights.logMean, weights.logMeanError)
  }

  /// The members of the JSON summary: of several contexts those of the worst one.
  var members: [(String, JSONValue)] {
    [
      ("effective_sample_size", .number(leastSize)), ("pareto_k", .number(largestK)),
      ("samples_without_weight", .integer(invalid)),
    ]
      + (contexts == 1
        ? [
          ("log_mean_weight", .number(logMean.value)),
          ("log_mean_weight_error", .number(logMean.error)),
        ]
        : [])
  }

  /// The words in the summary for people.
  var text: String {
    let which = contexts == 1 ? "" : " of the worst of \(contexts) contexts"
    let worth = leastSize < 100 ? Format.significant(leastSize) : String(format: "%.0f", leastSize)
    return "; worth \(worth) of \(each) samples of the target\(which)"
      + ", Pareto k \(Format.significant(largestK))"
  }

  /// What makes the weights useless.
  var warnings: [String] {
    var lines: [String] = []
    if invalid > 0 {
      lines.append(
        "\(path): \(invalid) samples have no weight, since one of their log-densities is NaN, or the target's "
          + "is infinitely larger; their weight is NaN")
    }
    if leastSize == 0 {
      lines.append("\(path): the target's density is 0 at every sample of a context")
    } else if largestK > 0.7 {
      lines.append(
        "\(path): Pareto k is \(Format.significant(largestK)), above 0.7: a few samples have most of the "
          + "weight, so the flow is too far from the target for the weights to be trusted")
    }
    return lines
  }
}
