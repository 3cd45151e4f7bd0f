/// Some rows of a table: those that are trained on, or those that epochs are judged on.
struct RowSelection {
  private(set) var table: WeightedRows
  /// The places of the rows in the table, ascending.
  private(set) var rows: [Int]
  /// The number of each row of the table among all rows of a file; nil if it is its place.
  private var numbers: [Int]?
  /// What weights are multiplied by for compiled code, so that their mean is about 1 whatever their
  /// unit is: a power of two, so that no weight is rounded.
  private var scale: Double

  /// Selects rows by their places.
  ///
  /// - Parameters:
  ///   - table: the table.
  ///   - rows: the places, ascending.
  ///   - numbers: the number of each row of the table among all rows of a file; nil if it is its place.
  ///   - scale: what weights are multiplied by; nil to find it in the rows.
  init(
    _ table: WeightedRows, _ rows: [Int], numbers: [Int]? = nil, scale: Double? = nil
  ) {
    self.table = table
    self.rows = rows
    self.numbers = numbers
    var found = 1.0
    if scale == nil, let weights = table.weights, !rows.isEmpty {
      found = Self.scale(
        mean: rows.reduce(0) { $0 + Double(weights[$1]) } / Double(rows.count))
    }
    self.scale = scale ?? found
  }

  /// The number of a row of the table among all rows.
  func number(_ place: Int) -> Int { numbers?[place] ?? place }

  /// What weights of some mean are multiplied by.
  static func scale(mean: Double) -> Double {
    mean > 0 ? Double(sign: .plus, exponent: -Int(mean.exponent), significand: 1) : 1
  }

  /// No rows.
  static var none: RowSelection { RowSelection(WeightedRows(x: []), [], numbers: []) }

  /// Some of the selected rows.
  func selecting(_ rows: [Int]) -> RowSelection {
    RowSelection(table, rows, numbers: numbers, scale: scale)
  }

  /// The same rows with the scale of their own weights.
  var rescaled: RowSelection { RowSelection(table, rows, numbers: numbers) }

  /// Adds the selected rows of a block of a file, of which only those are copied.
  mutating func append(_ other: RowSelection) {
    guard let numbers = other.numbers, !other.rows.isEmpty else { return }
    let first = self.numbers?.count ?? 0
    let (width, conditions) = (
      other.table.x.count / numbers.count, other.table.context.count / numbers.count
    )
    table.x += Self.gather(other.table.x, width, other.rows[...])
    table.context += Self.gather(other.table.context, conditions, other.rows[...])
    if let weights = other.table.weights {
      table.weights = table.weights ?? []
      table.weights?.append(contentsOf: other.rows.map { weights[$0] })
    }
    self.numbers?.append(contentsOf: other.rows.map { numbers[$0] })
    rows.append(contentsOf: first..<first + other.rows.count)
    scale = other.scale
  }

  /// Splits the rows that have a weight: a share of them, in the order of a seed, is held out.
  ///
  /// A row whose weight is 0 is in neither part, as if it were not in the table.
  static func split(
    _ table: WeightedRows, count: Int, heldOut share: Double, seed: UInt64
  ) -> (training: RowSelection, heldOut: RowSelection) {
    let rows = weighted(table, count: count).count
    return split(
      table, count: count, held: min(Int((Double(rows) * share).rounded()), rows - 1), seed: seed)
  }

  /// Splits the rows that have a weight, of which a number is held out.
  static func split(
    _ table: WeightedRows, count: Int, held: Int, seed: UInt64, numbers: [Int]? = nil,
    scale: Double? = nil
  ) -> (training: RowSelection, heldOut: RowSelection) {
    var order = weighted(table, count: count)
    var generator = SeededGenerator(seed: seed)
    order.shuffle(using: &generator)
    return (
      RowSelection(table, order.dropFirst(held).sorted(), numbers: numbers, scale: scale),
      RowSelection(table, order.prefix(held).sorted(), numbers: numbers, scale: scale)
    )
  }

  /// The numbers of the rows that have a weight, all if there are no weights.
  static func weighted(_ table: WeightedRows, count: Int) -> [Int] {
    guard let weights = table.weights else { return Array(0..<count) }
    return (0..<count).filter { weights[$0] > 0 }
  }

  /// Some of the selected rows, or all if they are no more.
  func sample(_ count: Int, seed: UInt64) -> RowSelection {
    guard rows.count > count else { return self }
    var order = rows
    var generator = SeededGenerator(seed: seed)
    order.shuffle(using: &generator)
    return RowSelection(table, order.prefix(count).sorted(), numbers: numbers)
  }

  /// The inputs of the training step for some of the rows, with the noise of a seed and epoch over cells.
  func batch(
    _ rows: ArraySlice<Int>, of model: Model, seed: UInt64 = 0, epoch: Int = CellNoise.judging
  ) -> [String: [Float]] {
    var x = Self.gather(table.x, model.features, rows)
    CellNoise(columns: model.discrete, features: model.features, seed: seed)
      .add(to: &x, rows: numbers == nil ? rows : rows.map(number)[...], epoch: epoch)
    var inputs = ["x": x]
    if model.context > 0 { inputs["context"] = Self.gather(table.context, model.context, rows) }
    if let weights = table.weights {
      inputs[Model.rowWeights] = rows.map { Float(Double(weights[$0]) * scale) }
    }
    return inputs
  }

  /// The sum of the weights of some of the rows; how many they are if there are no weights.
  func weight(_ rows: ArraySlice<Int>) -> Double {
    guard let weights = table.weights else { return Double(rows.count) }
    return rows.reduce(0) { $0 + Double(weights[$1]) }
  }

  /// The weights of the selected rows; nil if all rows count alike.
  var weights: [Double]? {
    table.weights.map { weights in rows.map { Double(weights[$0]) } }
  }

  private static func gather(
    _ source: [Float], _ width: Int, _ rows: ArraySlice<Int>
  ) -> [Float] {
    [Float](unsafeUninitializedCapacity: rows.count * width) { target, count in
      source.withUnsafeBufferPointer { source in
        var position = 0
        for row in rows {
          for column in 0..<width {
            target[position] = source[row * width + column]
            position += 1
          }
        }
        count = position
      }
    }
  }
}
