import ArgumentParser
import FlowFiles
import FlowPlot
import Flows

extension PlottedFlow {
  /// The ranks of the data among samples, and the regions of the density that reach to them.
  ///
  /// The region of a row is the share of samples whose density is higher than the row's (Hermans et al., "A
  /// trust crisis in simulation-based inference?", 2022).
  func calibration() throws -> (SVG, [(String, JSONValue)]) {
    guard let data else {
      throw ValidationError("--kind calibration compares with --data; name held-out rows")
    }
    let (ranks, regions) =
      if let contexts {
        try conditionalRanks(data, contexts)
      } else {
        try ranks(data)
      }
    let rows = regions.count
    let band = CalibrationPlot.band(rows: rows)
    let distances = shown.map { CalibrationPlot.distance(ranks[$0]) }
    let coverage = CalibrationPlot.distance(regions)
    let svg = CalibrationPlot(
      ranks: shown.map { ranks[$0] }, regions: regions, names: shown.map { names[$0] }
    ).svg
    return (
      svg,
      [
        ("rows", .integer(rows)), ("band", .number(band)),
        ("rank_distances", .array(distances.map { .number($0) })),
        ("coverage_distance", .number(coverage)),
      ]
    )
  }

  /// Without a context one sample serves all rows.
  private func ranks(_ data: TableSample<Scalar>) throws -> ([[Double]], [Double]) {
    let threads = command.options.threads
    let draw = try flow.sample(20_000, seed: command.seed, threads: threads)
    let sorted = draw.x.numbersByColumn.map { $0.sorted() }
    let ranks = (0..<flow.features).map { feature in
      data.column(feature).map { Self.share(of: sorted[feature], below: $0) }
    }
    let densities = draw.logProb.map { Double($0) }.sorted()
    let regions = try flow.logProb(Rows(data.values, columns: data.columns), threads: threads)
      .map { 1 - Self.share(of: densities, below: Double($0)) }
    return (ranks, regions)
  }

  /// With contexts each row has samples of its own.
  private func conditionalRanks(
    _ data: TableSample<Scalar>, _ contexts: TableSample<Scalar>
  ) throws -> ([[Double]], [Double]) {
    guard isPaired || contexts.count == 1 else {
      throw FileError.mismatch(
        path: contexts.path, found: "\(contexts.total) rows",
        expected: "\(data.total) rows, as in \(data.path), or 1")
    }
    let (each, threads) = (400, command.options.threads)
    var ranks = [[Double]](repeating: [], count: flow.features)
    var regions: [Double] = []
    // Calls of some rows, so that memory does not grow with their number.
    for first in stride(from: 0, to: data.count, by: 500) {
      let rows = first..<min(first + 500, data.count)
      let conditions = Rows(
        rows.flatMap { contexts.row(contexts.count == 1 ? 0 : $0) }, columns: contexts.columns)
      let x = Rows(rows.flatMap(data.row), columns: data.columns)
      let draw = try flow.sample(
        each, forEach: conditions, seed: command.seed, firstRow: first * each, threads: threads)
      let logProb = try flow.logProb(x, context: conditions, threads: threads)
      func ranked(_ numbers: [Double], _ row: Int, _ value: Double) -> Double {
        Self.share(of: numbers[row * each..<(row + 1) * each].sorted(), below: value)
      }
      for (feature, numbers) in draw.x.numbersByColumn.enumerated() {
        ranks[feature] += (0..<x.count).map { ranked(numbers, $0, Double(x[$0][feature])) }
      }
      let densities = draw.logProb.map { Double($0) }
      regions += logProb.enumerated().map { 1 - ranked(densities, $0, Double($1)) }
    }
    return (ranks, regions)
  }

  /// The share of sorted numbers below a value, with half a number of room at both ends, so that the rank
  /// of a further draw is uniform.
  private static func share(of sorted: [Double], below value: Double) -> Double {
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle] < value { low = middle + 1 } else { high = middle }
    }
    return (Double(low) + 0.5) / Double(sorted.count + 1)
  }
}
