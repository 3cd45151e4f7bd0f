import FlowIR

/// Which operations of a group read the results of its others.
struct GroupReaders {
  private let index: [Value: Int]
  private let readers: [[(operation: Int, operand: Int)]]

  init(_ operations: [TensorOperation], _ views: Views) {
    index = Dictionary(
      operations.enumerated().map { ($1.result, $0) }, uniquingKeysWith: { first, _ in first })
    var readers: [[(operation: Int, operand: Int)]] = Array(repeating: [], count: operations.count)
    for (reader, operation) in operations.enumerated() {
      for (position, operand) in operation.operands.enumerated() {
        for source in Set(views.elements(of: operand).compactMap(\.source)) {
          if let source = index[source] { readers[source].append((reader, position)) }
        }
      }
    }
    self.readers = readers
  }

  /// The place of the operation that computes a value; nil if no operation of the group does.
  func place(of value: Value) -> Int? { index[value] }

  /// The places of the operations that read the result of one, and as which operand.
  subscript(operation: Int) -> [(operation: Int, operand: Int)] { readers[operation] }
}
