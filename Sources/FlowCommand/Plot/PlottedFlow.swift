import ArgumentParser
import FlowFiles
import FlowPlot
import Flows

/// A flow that is to be drawn, with the rows to compare with.
struct PlottedFlow<Scalar: FlowScalar> {
  let command: Plot
  let kind: Plot.Kind
  let flow: CompiledFlow<Scalar>
  /// The features that are shown, from 0.
  let shown: [Int]
  /// The names of all features.
  let names: [String]
  private(set) var data: TableSample<Scalar>?
  private(set) var contexts: TableSample<Scalar>?

  init(_ command: Plot, _ model: AnyModel) throws {
    self.command = command
    switch model {
    case .model(let model): flow = try model.compiled(Scalar.self)
    case .compiled: flow = try CompiledFlow(contentsOf: command.model)
    }
    let features = flow.features
    let most = command.rows ?? (command.kind == .calibration ? 1_000 : 20_000)
    data = try command.data.map {
      try TableSample(
        $0, columns: features, "features", options: command.tables.rows, most: most,
        trained: model.columns.x)
    }
    let given = try contextPath(command.context, columns: flow.context, place: command.model)
    contexts = try given.map {
      try TableSample(
        $0, columns: model.context, "context features", options: command.tables.context, most: most,
        trained: model.columns.context)
    }
    names = try Self.names(command, model.columns.x, data?.names ?? [], features: features)
    shown =
      try command.features?.places(names: names, count: features, path: command.model)
      ?? Array(0..<features)
    kind = command.kind ?? (shown.count <= 2 && features <= 2 ? .density : .corner)
    try dropBadRows()
  }

  /// The names of the features: given, those that the flow was trained on, those of the data's header, or
  /// x1, x2 and so on.
  private static func names(
    _ command: Plot, _ trained: [String], _ header: [String], features: Int
  ) throws -> [String] {
    guard let given = command.names else {
      if let names = [trained, header].first(where: { !$0.isEmpty }) { return names }
      return features == 1 ? ["x"] : (1...features).map { "x\($0)" }
    }
    let names = given.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard names.count == features else {
      throw ValidationError("--names has \(names.count) names; the flow has \(features) features")
    }
    return names
  }

  /// Leaves out rows that are not finite, of the data and their contexts together, and says so.
  private mutating func dropBadRows() throws {
    func keep(_ isKept: [Bool], _ path: String) throws {
      let bad = isKept.count { !$0 }
      if bad == isKept.count {
        throw FileError.mismatch(
          path: path, found: "no row of finite numbers", expected: "1 row or more")
      }
      if bad > 0 {
        Console.note("\(path): \(bad) of \(isKept.count) rows are not finite and are left out")
      }
    }
    let isPaired = isPaired
    if let table = data {
      let isKept = (0..<table.count).map { row in
        table.isFinite(row) && (!isPaired || contexts?.isFinite(row) ?? true)
      }
      try keep(isKept, table.path)
      data?.keep(isKept)
      if isPaired { contexts?.keep(isKept) }
    }
    if let table = contexts, !isPaired {
      let isKept = (0..<table.count).map(table.isFinite)
      try keep(isKept, table.path)
      contexts?.keep(isKept)
    }
  }

  /// Whether each row of the data has a context of its own.
  var isPaired: Bool {
    guard let data, let contexts else { return false }
    return data.total == contexts.total
  }

  /// The picture, and what a program may want to know of it.
  func picture() throws -> (SVG, [(String, JSONValue)]) {
    switch kind {
    case .density: return (try density(), [])
    case .corner: return (try corner(), [])
    case .calibration: return try calibration()
    case .transform: return (try transform(), [])
    case .training:
      throw ValidationError("--kind training draws a log that train --log wrote, not a model")
    }
  }

  /// Draws `count` rows for the contexts in turn, and gives the numbers of each feature.
  func sample(_ count: Int) throws -> [[Double]] {
    var rows: Rows<Scalar>?
    if let contexts {
      let columns = contexts.columns
      rows =
        contexts.count == 1
        ? Rows(contexts.values, columns: columns)
        : Rows((0..<count).flatMap { contexts.row($0 % contexts.count) }, columns: columns)
    }
    let draw = try flow.sample(
      count, context: rows, seed: command.seed, threads: command.options.threads)
    return draw.x.numbersByColumn
  }
}
