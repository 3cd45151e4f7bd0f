/// The constraints that several type rules share, each throwing with its label in `IR/spec.md`.
struct ConstraintChecker {
  let operation: String
  let operands: [TensorType]

  func that(
    _ condition: Bool, _ label: String, _ message: @autoclosure () -> String
  ) throws(TypeError) {
    if !condition {
      throw TypeError(operation: operation, constraint: label, message: message())
    }
  }

  /// C0 of every operation.
  func size(_ type: TensorType) throws(TypeError) {
    try that(
      type.elementCount <= Size.maximumElements && type.shape.allSatisfy { $0 > 0 }, "C0",
      "a result may have 1 to \(Size.maximumElements) elements, found \(type)")
  }

  func numbers(_ literal: Literal) throws(TypeError) {
    let dtype = literal.type.dtype
    if let wrong = literal.storage.first(where: { !dtype.holds($0) }) {
      throw TypeError(
        operation: operation, constraint: "C2",
        message: "an element of \(dtype.rawValue) must be \(dtype.domain), found \(wrong)")
    }
  }

  func operandCount(_ count: Int) throws(TypeError) {
    try that(operands.count == count, "C1", "needs \(count) operands, found \(operands.count)")
  }

  func dtype(_ index: Int, _ dtype: DType) throws(TypeError) {
    try that(
      operands[index].dtype == dtype, "C2",
      "operand \(index) must be \(dtype.rawValue), found \(operands[index])")
  }

  func float(_ index: Int) throws(TypeError) {
    try that(
      operands[index].dtype.isFloat && operands[index].dtype == operands[0].dtype, "C2",
      "operand \(index) must be of the operation's float type, found \(operands[index])")
  }

  func number(_ index: Int) throws(TypeError) {
    try that(
      operands[index].dtype != .bool, "C2", "operand \(index) must be a number, found bool")
  }

  func domain(_ domain: OperatorTraits.Domain) throws(TypeError) {
    switch domain {
    case .float: try float(0)
    case .number: try number(0)
    case .bool: try dtype(0, .bool)
    }
  }

  func sameShapeAndDType(_ first: Int, _ second: Int) throws(TypeError) {
    let (a, b) = (operands[first], operands[second])
    try that(
      a.shape == b.shape && a.dtype == b.dtype, "C2",
      "operands \(first) and \(second) differ: \(a) and \(b)")
  }

  func axis(_ axis: Int, of index: Int) throws(TypeError) {
    try that(
      (0..<operands[index].rank).contains(axis), "C2",
      "axis \(axis) is outside the \(operands[index].rank) axes of \(operands[index])")
  }

  func leadingShape(_ wide: Int, equals narrow: Int) throws(TypeError) {
    try that(
      operands[wide].rank >= 1 && operands[wide].shape.dropLast() == operands[narrow].shape[...],
      "C3",
      "operand \(narrow) must have the shape of operand \(wide) without its last axis, found "
        + "\(operands[wide]) and \(operands[narrow])")
  }

  func broadcasts(_ index: Int, to shape: [Int]) throws(TypeError) {
    let source = operands[index].shape
    let aligned = shape.suffix(source.count)
    try that(
      source.count <= shape.count && zip(source, aligned).allSatisfy { $0 == $1 || $0 == 1 }, "C2",
      "\(source) does not broadcast to \(shape)")
  }

  func concatenates(along axis: Int) throws(TypeError) {
    try that(!operands.isEmpty, "C1", "needs at least one operand")
    for index in operands.indices {
      try self.axis(axis, of: index)
      var (first, this) = (operands[0].shape, operands[index].shape)
      if first.count == this.count {
        first[axis] = 0
        this[axis] = 0
      }
      try that(
        first == this && operands[index].dtype == operands[0].dtype, "C3",
        "operand \(index) does not fit: \(operands[index]) beside \(operands[0])")
    }
  }

  func indices(_ indices: [Int], below limit: Int) throws(TypeError) {
    // A loop over memory: a list may have as many entries as a layer has weights.
    let fits = indices.withUnsafeBufferPointer { list in
      var count = 0
      while count < list.count, 0 <= list[count], list[count] < limit { count += 1 }
      return count == list.count
    }
    try that(
      !indices.isEmpty && fits, "C3",
      "indices must be within [0, \(limit)) and not empty")
  }

  func mask(_ mask: Mask?, is shape: [Int]) throws(TypeError) {
    guard let mask else { return }
    try that(
      [mask.rows, mask.columns] == shape, "C4",
      "the mask is \(mask.rows) x \(mask.columns), the weight \(shape[0]) x \(shape[1])")
  }

  func squareMatrix(_ index: Int) throws(TypeError) {
    let type = operands[index]
    try that(
      !type.hasRows && type.rank == 2 && type.shape[0] == type.shape[1], "C2",
      "needs a uniform square matrix, found \(type)")
  }

  func solves(_ matrix: Int, _ vector: Int) throws(TypeError) {
    let (a, b) = (operands[matrix].shape, operands[vector].shape)
    try that(
      a.count >= 2 && a[a.count - 1] == a[a.count - 2] && b.last == a.last, "C3",
      "needs square matrices and vectors of their size, found \(a) and \(b)")
    try that(
      a.count == 2 || a.dropLast(2) == b.dropLast(), "C4",
      "needs one matrix, or one for each vector, found \(a) and \(b)")
  }

  /// The type of a pointwise result: `type`, with rows if any operand has them.
  func pointwise(_ type: TensorType) -> TensorType {
    type.with(hasRows: operands.contains(where: \.hasRows))
  }
}
