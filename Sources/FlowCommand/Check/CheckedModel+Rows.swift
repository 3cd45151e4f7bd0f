import FlowCodegen
import FlowFiles
import FlowIR
import FlowPasses
import FlowPlot
import FlowRuntime
import Flows

extension CheckedModel {
  /// What float32 loses of log-densities, of the data if there are any, else of samples.
  func precision() throws -> [Finding] {
    let (x, c) = data.map { ($0, dataContexts) } ?? (sample.x, contexts)
    let narrow = try flow.logProb(x, context: c, threads: threads)
    let wide = try exact.logProb(
      Self.widened(x), context: c.map(Self.widened), threads: threads)
    let errors = zip(narrow, wide).filter { $0.isFinite && $1.isFinite }
      .map { abs(Double($0) - $1) }.sorted()
    guard let worst = errors.last else {
      return [Finding("float32", .skipped, "no row has a finite density")]
    }
    let (usual, far) = (Summary.quantile(errors, 0.5), Summary.quantile(errors, 0.999))
    let text =
      "log-densities differ from float64's by \(Summary.short(usual)) nats (median), "
      + "\(Summary.short(worst)) at most"
    return [
      Finding(
        "float32", usual > 1e-3 ? .wrong : far > 1e-2 ? .notable : .fine, text,
        advice: "compute with --dtype f64, or train on standardised data",
        figures: [("median", usual), ("quantile_999", far), ("largest", worst)])
    ]
  }

  /// Units of activations that are the same for all rows: they take time and say nothing.
  func units() throws -> [Finding] {
    let function = try model.function(.compiled(.logProb)).function
    let count = 256
    let (table, given) = data.map { ($0, dataContexts) } ?? (sample.x, contexts)
    let rows = min(count, table.count)
    var inputs: [String: [Double]] = ["x": Self.head(table, rows)]
    if let given {
      inputs["context"] =
        given.count == 1
        ? (0..<rows).flatMap { _ in Self.head(given, 1) } : Self.head(given, rows)
    }
    // What a linear layer reads, if it was computed: the units of the layer before.
    let layers = Set(
      function.operations.compactMap { operation -> Value? in
        guard case .linear = operation.opcode else { return nil }
        return operation.operands.first
      })
    let values = try ObservedValues(function, of: model, inputs: inputs, rows: rows)
    var (units, constant) = (0, 0)
    var worst = (share: 0.0, scope: "")
    for observation in values.observations
    where layers.contains(observation.value) && observation.opcode.isPointwise
      && observation.elements.type.hasRows
    {
      let width = observation.elements.type.elementCount
      guard width >= 8, rows > 1 else { continue }
      let same = (0..<width).count { unit in
        let first = observation.elements.values[unit]
        return (1..<rows).allSatisfy { observation.elements.values[$0 * width + unit] == first }
      }
      units += width
      constant += same
      let share = Double(same) / Double(width)
      if share > worst.share { worst = (share, observation.scope) }
    }
    guard units > 0 else {
      return [Finding("units", .skipped, "no activations outside of loops to look at")]
    }
    let text =
      constant == 0
      ? "each of \(units) units of the networks varies over \(rows) rows"
      : "\(constant) of \(units) units are the same in \(rows) rows"
        + (worst.share > 0.25 ? ", most in \(worst.scope)" : "")
    return [
      Finding(
        "units", Double(constant) > 0.5 * Double(units) ? .notable : .fine, text,
        advice: "most units say nothing: a smaller network may do, or another activation",
        figures: [("units", Double(units)), ("constant", Double(constant))])
    ]
  }

  private static func head(_ rows: Rows<Float>, _ count: Int) -> [Double] {
    rows.withUnsafeBufferPointer { $0.prefix(count * rows.columns).map { Double($0) } }
  }

  /// Rows of the data that the flow has no density for, or that lie far from all samples.
  func rows() throws -> [Finding] {
    guard let data else {
      return [Finding("data", .skipped, "give --data to look at rows that the flow is meant for")]
    }
    let logProb = try flow.logProb(data, context: dataContexts, threads: threads)
    let missing = logProb.count { !$0.isFinite }
    let ranges = sample.x.numbersByColumn.map { values -> ClosedRange<Double> in
      let range = Summary.range(values, leavingOut: 0)
      let room = 0.5 * (range.upperBound - range.lowerBound)
      return range.lowerBound - room...range.upperBound + room
    }
    let outside = (0..<data.count).count { row in
      zip(data[row], ranges).contains { $0.isFinite && !$1.contains(Double($0)) }
    }
    let far = zip(data.numbersByColumn, ranges).map { numbers, range in
      numbers.count { $0.isFinite && !range.contains($0) }
    }
    let worst = far.indices.max { far[$0] < far[$1] }.flatMap { far[$0] > 0 ? $0 : nil }
    let most = worst.map { " (most by \(name(of: $0)))" } ?? ""
    let finite = logProb.filter(\.isFinite).map { Double($0) }
    let mean = finite.reduce(0, +) / Double(max(finite.count, 1))
    let own = sample.logProb.filter(\.isFinite).map { Double($0) }
    let expected = own.reduce(0, +) / Double(max(own.count, 1))
    let figures = [
      ("rows", Double(data.count)), ("rows_without_density", Double(missing)),
      ("rows_far_from_samples", Double(outside)), ("mean_log_prob", mean),
      ("mean_log_prob_of_samples", expected),
    ]
    let means =
      "log p is \(Summary.short(mean)) nats on average, \(Summary.short(expected)) for samples"
    let share = { (count: Int) in Double(count) / Double(max(data.count, 1)) }
    let text =
      "\(missing) of \(data.count) rows have no density, \(outside) lie far from all samples\(most); "
      + means
    if share(missing) > 0.01 || share(outside) > 0.01 {
      return [
        Finding(
          "data", .wrong, text,
          advice: "are the columns in the order and units that the flow was trained with?",
          figures: figures)
      ]
    }
    return [
      Finding(
        "data", missing + outside > 0 ? .notable : .fine, text,
        advice: "look at those rows: fill values and outliers", figures: figures)
    ]
  }

  /// The time of a row beside what the machine allows.
  func speed() throws -> [Finding] {
    guard
      let report = try ProfileReport.measured(
        try model.function(.compiled(.logProb)), of: model, rows: 50_000, seconds: 0.3,
        threads: threads ?? CompiledFunction.defaultThreads)
    else { return [] }
    let share = report.shareOfBound
    let nanoseconds = report.nanosecondsPerRow
    return [
      Finding(
        "speed", .fine,
        "log_prob takes \(Summary.short(nanoseconds)) ns a row on \(report.threads) threads, "
          + "\(Summary.short(100 * share)) % of the bound (flowir profile shows where)",
        figures: [("ns_per_row", nanoseconds), ("share_of_bound", share)])
    ]
  }
}
