import FlowFiles
import Flows

/// What one pass over the training rows finds: numbers outside of their bounds or grids, which are errors, units,
/// and what there is to note.
struct TrainingScan {
  private let tables: TrainingTables
  private let bounds: Bounds?
  private let discrete: [DiscreteColumn]
  /// The units of streamed rows, with bounds taken off where they have some.
  private var finder: UnitsFinder?
  private var contextFinder: UnitsFinder?
  private var notes: TrainingNotes
  private let method: Standardization

  /// The most numbers of streamed tables that are looked at together.
  private static let mostNumbers = 1 << 18

  /// Goes through the rows.
  ///
  /// - Parameters:
  ///   - tables: the rows.
  ///   - model: the flow, with its bounds.
  ///   - bounds: those that every number must be inside of.
  ///   - discrete: columns whose numbers must be of their grids.
  ///   - method: how units are found.
  /// - Throws: `FileError` naming the row.
  init(
    _ tables: TrainingTables, _ model: Model, bounds: Bounds?, discrete: [DiscreteColumn],
    by method: Standardization
  ) throws(FileError) {
    (self.tables, self.bounds, self.discrete, self.method) = (tables, bounds, discrete, method)
    let (x, context) = (tables.x, tables.context)
    notes = TrainingNotes(x, context, model, memory: tables.memory)
    if tables.isStreamed {
      finder = UnitsFinder(columns: x.columns, rows: x.rows, by: method, memory: tables.memory)
      contextFinder = context.map {
        UnitsFinder(columns: $0.columns, rows: $0.rows, by: method, memory: tables.memory)
      }
    }
    let numbers = min(Self.mostNumbers, tables.memory.bytes / 64)
    let count = max(numbers / max(x.columns + (context?.columns ?? 0), 1), 1)
    var chunks = try x.chunks()
    var contexts = try context?.chunks()
    var weights = try tables.weightTable?.chunks()
    var hasWeight = tables.weightTable == nil
    while let chunk = try chunks.next(count) {
      let conditions = try contexts?.next(count)
      var counts: [Float]?
      if let table = tables.weightTable, let part = try weights?.next(count) {
        counts = try table.weights(part)
        hasWeight = hasWeight || counts?.contains { $0 > 0 } == true
      }
      try add(chunk, conditions, counts, model.bounds)
    }
    if !hasWeight, let table = tables.weightTable { throw table.onlyZeros }
  }

  private mutating func add(
    _ chunk: TableChunk, _ conditions: TableChunk?, _ weights: [Float]?, _ modelBounds: Bounds?
  ) throws(FileError) {
    try DiscreteFlags.check(chunk, discrete, of: tables.x)
    try bounds.map { bounds throws(FileError) in
      try BoundFlags.check(chunk, bounds, of: tables.x)
    }
    if finder != nil {
      let numbers = chunk.doubles
      finder?.add(modelBounds?.unbounded(numbers) ?? numbers, weights: weights)
      if let conditions { contextFinder?.add(conditions.doubles, weights: weights) }
    }
    notes.add(chunk, conditions)
  }

  /// Whether a feature has negative numbers.
  func isNegative(_ feature: Int) -> Bool { notes.isNegative(feature) }

  /// Sets the units of a model that has some to those of the rows.
  func setUnits(_ model: inout Model) {
    let (x, weights) = (tables.x, tables.weights)
    if model.units != nil {
      model.units = finder?.units ?? x.loaded.units(weights: weights, by: method)
    }
    if let bounds = model.bounds, model.unboundedUnits != nil {
      model.unboundedUnits =
        finder?.units
        ?? ColumnUnits(
          of: bounds.unbounded(x.loaded.doubles), columns: x.columns, weights: weights, by: method)
    }
    if model.contextUnits != nil {
      model.contextUnits =
        contextFinder?.units ?? tables.context?.loaded.units(weights: weights, by: method)
    }
  }

  /// What there is to note, of a model that has the units of the rows.
  func texts(_ model: Model) -> [String] { notes.texts(model) }
}
