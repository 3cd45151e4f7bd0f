import FlowFiles
import Flows

/// The tables that a run trains on: all in memory, or all streamed.
struct TrainingTables {
  let x: TrainingData
  let context: TrainingData?
  /// The weights of rows in memory.
  let weights: [Float]?
  /// The table of weights, if it is streamed.
  let weightTable: TrainingData?
  /// What the rows must fit in.
  let memory: TrainingMemory

  /// Whether rows are read from files while training goes on.
  var isStreamed: Bool { x.file != nil }

  /// Opens the tables, and reads them into memory if they fit.
  ///
  /// - Parameters:
  ///   - data: the rows.
  ///   - contextData: the context of each row.
  ///   - weights: the weight of each row.
  ///   - tables: how tables are read.
  ///   - trained: the names of the columns that a trained model reads.
  ///   - memory: how many bytes they may take; nil for what there is.
  /// - Throws: `FileError` naming the file and the place.
  init(
    _ data: String, context contextData: String?, weights: String?, tables: TableFlags,
    trained: ColumnNames? = nil, memory: Int?
  ) throws(FileError) {
    self.memory = TrainingMemory(memory)
    let most = self.memory.bytes
    let given =
      [(data, tables.rows)] + (contextData.map { [($0, tables.context)] } ?? [])
      + (weights.map { [($0, TableOptions())] } ?? [])
    // What can't be opened so is opened again below, which says why.
    let files = given.compactMap { try? RowFile($0.0, options: $0.1) }
    if files.count == given.count, !self.memory.holds(files) {
      x = try TrainingData(streaming: files[0])
      context = contextData == nil ? nil : try TrainingData(streaming: files[1])
      self.weights = nil
      weightTable = weights == nil ? nil : try TrainingData(streaming: files[files.count - 1])
      try weightTable?.checkWeights(rows: x.rows, of: data)
    } else {
      let x = try TrainingData(
        data, options: tables.rows, trained: trained?.x ?? [], most: most)
      self.x = x
      context = try contextData.map { path throws(FileError) in
        try TrainingData(
          path, options: tables.context, trained: trained?.context ?? [], most: most)
      }
      self.weights = try weights.map { path throws(FileError) in
        try TrainingData.weights(path, rows: x.rows, of: data, most: most)
      }
      weightTable = nil
    }
  }
}
