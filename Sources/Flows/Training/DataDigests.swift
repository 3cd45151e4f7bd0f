import FlowFiles

/// Fingerprints of the rows of a fit.
struct DataDigests {
  private(set) var x = Digest()
  private(set) var context = Digest()
  private(set) var weights: Digest?
  /// How rows of files are read; nil for rows in memory.
  let layout: BlockLayout?

  /// Those of rows in memory.
  init(_ rows: WeightedRows) {
    self.init(isWeighted: rows.weights != nil, layout: nil)
    add(rows)
  }

  /// Those of no rows yet.
  init(isWeighted: Bool, layout: BlockLayout?) {
    self.layout = layout
    if isWeighted { weights = Digest() }
  }

  /// Adds rows.
  mutating func add(_ rows: WeightedRows) {
    x.update(rows.x)
    context.update(rows.context)
    if let values = rows.weights { weights?.update(values) }
  }
}
