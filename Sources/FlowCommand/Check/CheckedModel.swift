import FlowFiles
import FlowPlot
import Flows

/// A model that is examined, with rows that it drew and rows that it is meant for.
struct CheckedModel {
  let model: Model
  let flow: CompiledFlow<Float>
  let exact: CompiledFlow<Double>
  let threads: Int?
  /// Contexts for the samples; nil for a flow without context.
  let contexts: Rows<Float>?
  let sample: Draw<Float>
  /// The rows that the flow is meant for, with their contexts.
  let data: Rows<Float>?
  let dataContexts: Rows<Float>?

  /// How many rows are drawn.
  static let drawn = 4_000

  /// What was found, in the order of the page.
  func findings() throws -> [Finding] {
    let weights = weights()
    // Nothing else makes sense where weights are NaN or infinite.
    if weights.contains(where: { $0.state == .wrong }) { return weights }
    return try weights + roundTrip() + determinants() + integral() + precision() + units() + rows()
      + intervals() + speed()
  }

  init(_ command: Check, _ model: Model) throws {
    let most = 20_000
    let table = try command.data.map {
      try TableSample<Double>(
        $0, columns: model.features, "features", options: command.tables.rows, most: most,
        trained: model.columns.x)
    }
    let given = try contextPath(command.context, columns: model.context, place: command.model)
    let contexts = try given.map {
      try TableSample<Double>(
        $0, columns: model.context, "context features", options: command.tables.context, most: most,
        trained: model.columns.context)
    }
    if let table, let contexts, contexts.total != table.total, contexts.total != 1 {
      throw FileError.mismatch(
        path: contexts.path, found: "\(contexts.total) rows",
        expected: "\(table.total) rows, as in \(table.path), or 1")
    }
    // As score does, rows far from zero are centred before they are rounded.
    let units = model.rowUnits.flatMap { $0.needFloat64 ? $0 : nil }
    let contextUnits = model.contextUnits.flatMap { $0.needFloat64 ? $0 : nil }
    let model = model.centred(features: units != nil, context: contextUnits != nil)
    self.model = model
    (flow, exact) = (try model.compiled(Float.self), try model.compiled(Double.self))
    threads = command.options.threads
    func narrowed(_ values: [Double], _ units: ColumnUnits?, _ columns: Int) -> Rows<Float> {
      Rows(units?.centred(values) ?? values.map { Float($0) }, columns: columns)
    }
    data = table.map { narrowed($0.values, units, $0.columns) }
    dataContexts = table.flatMap { _ in
      contexts.map { narrowed($0.values, contextUnits, $0.columns) }
    }
    let finite = contexts.map { contexts in (0..<contexts.count).filter(contexts.isFinite) } ?? []
    if let contexts, finite.isEmpty {
      throw FileError.mismatch(
        path: contexts.path, found: "no row of finite numbers", expected: "1 row or more")
    }
    self.contexts = contexts.map { contexts in
      narrowed(
        (0..<Self.drawn).flatMap { contexts.row(finite[$0 % finite.count]) }, contextUnits,
        contexts.columns)
    }
    sample = try flow.sample(
      Self.drawn, context: self.contexts, seed: command.seed, threads: threads)
  }

  /// The same numbers in float64.
  static func widened(_ rows: Rows<Float>) -> Rows<Double> {
    rows.withUnsafeBufferPointer { Rows($0.map { Double($0) }, columns: rows.columns) }
  }

  /// The standard deviation of each feature of the sample.
  var deviations: [Double] {
    sample.x.numbersByColumn.map { values in
      let finite = values.filter(\.isFinite)
      let count = Double(max(finite.count, 1))
      let mean = finite.reduce(0, +) / count
      return (finite.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    }
  }

  /// The contexts of some of the samples, in float64.
  func contexts(_ count: Int) -> Rows<Double>? {
    contexts.map { contexts in
      contexts.withUnsafeBufferPointer {
        Rows($0.prefix(count * contexts.columns).map { Double($0) }, columns: contexts.columns)
      }
    }
  }
}
