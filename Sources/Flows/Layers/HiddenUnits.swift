import FlowIR

/// The class of outputs that each hidden unit of a masked network serves, which decides the inputs that it may
/// depend on.
///
/// It takes time proportional to the entries of the adjacency and of the requested masks, times the number of
/// inputs divided by 64.
struct HiddenUnits {
  /// A set of inputs, a bit for each.
  private typealias InputSet = [UInt64]

  /// The distinct rows of the adjacency in lexicographic order, as sets.
  private let classes: [InputSet]
  /// The class of each output.
  private let outputs: [Int]
  /// The classes of the units of each hidden layer; fewer layers if one of them could depend on no input.
  private var layers: [[Int]] = []
  private let inputs: Int

  /// Assigns units in turn to the classes that depend on some input.
  init(outputsOf adjacency: Mask, widths: [Int]) {
    inputs = adjacency.columns
    let rows = (0..<adjacency.rows).map { Self.inputSet(adjacency.row($0)) }
    // The first input is the highest bit of the first word, so words are in the order of rows.
    classes = Set(rows).sorted { $0.lexicographicallyPrecedes($1) }
    let numbers = Dictionary(uniqueKeysWithValues: zip(classes, 0...))
    outputs = rows.map { numbers[$0] ?? 0 }
    for width in widths {
      let reachable =
        if let last = layers.last.map(Set.init) {
          classes.indices.filter { row in last.contains { sees(row, $0) } }
        } else {
          classes.indices.filter { row in classes[row].contains { $0 != 0 } }
        }
      if reachable.isEmpty { break }
      layers.append((0..<width).map { reachable[$0 % reachable.count] })
    }
  }

  /// The mask from a layer's inputs to its outputs; nil if it would be empty.
  func mask(_ index: Int) -> Mask? {
    guard index <= layers.count else { return nil }
    let rows = index < layers.count ? layers[index] : outputs
    if index > 0 { return matrix(rows, layers[index - 1]) }
    var bits: [Bool] = []
    bits.reserveCapacity(rows.count * inputs)
    for row in rows {
      let set = classes[row]
      for input in 0..<inputs { bits.append((set[input >> 6] << (input & 63)) >> 63 != 0) }
    }
    return Mask(rows: rows.count, columns: inputs, bits: bits)
  }

  /// The mask between the units of a hidden layer.
  func square(_ index: Int) -> Mask? {
    index < layers.count ? matrix(layers[index], layers[index]) : nil
  }

  private func matrix(_ rows: [Int], _ columns: [Int]) -> Mask {
    var bits: [Bool] = []
    bits.reserveCapacity(rows.count * columns.count)
    var known: [Int: [Bool]] = [:]
    for row in rows {
      let entries = known[row] ?? columns.map { sees(row, $0) }
      known[row] = entries
      bits += entries
    }
    return Mask(rows: rows.count, columns: columns.count, bits: bits)
  }

  /// Whether a class depends on every input that another depends on.
  private func sees(_ a: Int, _ b: Int) -> Bool {
    let (a, b) = (classes[a], classes[b])
    return a.indices.allSatisfy { b[$0] & ~a[$0] == 0 }
  }

  private static func inputSet(_ row: ArraySlice<Bool>) -> InputSet {
    var words = InputSet(repeating: 0, count: (row.count + 63) / 64)
    for (index, isSet) in row.enumerated() where isSet {
      words[index >> 6] |= 1 << UInt64(63 - index & 63)
    }
    return words
  }
}
