extension Opcode {
  /// The types of the results for operands of given types.
  ///
  /// For a structured operation `regionResults` are the types that its region yields.
  ///
  /// - Throws: `TypeError` with the label of the constraint that does not hold.
  public func resultTypes(
    operands: [TensorType], regionResults: [TensorType] = []
  ) throws(TypeError) -> [TensorType] {
    let check = ConstraintChecker(operation: name, operands: operands)
    let types = try resultTypes(check, regionResults: regionResults)
    for type in types { try check.size(type) }
    return types
  }

  private func resultTypes(
    _ check: ConstraintChecker, regionResults: [TensorType]
  ) throws(TypeError) -> [TensorType] {
    let operands = check.operands
    switch self {
    case .constant(let literal):
      try check.operandCount(0)
      try check.numbers(literal)
      return [literal.type]
    case .unary(let operation):
      return [try Self.unaryType(operation, check)]
    case .binary(let operation):
      try check.operandCount(2)
      try check.sameShapeAndDType(0, 1)
      try check.domain(operation.traits.domain)
      return [check.pointwise(operands[0])]
    case .compare:
      try check.operandCount(2)
      try check.sameShapeAndDType(0, 1)
      return [check.pointwise(operands[0]).with(dtype: .bool)]
    case .select:
      try check.operandCount(3)
      try check.dtype(0, .bool)
      try check.sameShapeAndDType(1, 2)
      try check.that(
        operands[0].shape == operands[1].shape, "C3",
        "the condition has shape \(operands[0].shape), the branches \(operands[1].shape)")
      return [check.pointwise(operands[1])]
    case .convert(let dtype):
      try check.operandCount(1)
      return [operands[0].with(dtype: dtype)]
    case .reduce(_, let axis):
      try check.operandCount(1)
      try check.number(0)
      try check.axis(axis, of: 0)
      return [operands[0].removing(axis: axis)]
    case .cumulativeSum(let axis, _):
      try check.operandCount(1)
      try check.number(0)
      try check.axis(axis, of: 0)
      return [operands[0]]
    case .search:
      try check.operandCount(2)
      try check.that(
        operands[0].dtype == operands[1].dtype, "C2",
        "the sorted values are \(operands[0].dtype), the searched ones \(operands[1].dtype)")
      try check.leadingShape(0, equals: 1)
      return [check.pointwise(operands[1]).with(dtype: .i32)]
    case .take:
      try check.operandCount(2)
      try check.dtype(1, .i32)
      try check.leadingShape(0, equals: 1)
      return [check.pointwise(operands[1]).with(dtype: operands[0].dtype)]
    case .reshape(let shape):
      try check.operandCount(1)
      try check.that(
        operands[0].elementCount == Size.product(shape), "C2",
        "shape \(operands[0].shape) cannot be reshaped to \(shape)")
      return [operands[0].with(shape: shape)]
    case .broadcast(let shape):
      try check.operandCount(1)
      try check.broadcasts(0, to: shape)
      return [operands[0].with(shape: shape)]
    case .transpose(let permutation):
      try check.operandCount(1)
      try check.that(
        permutation.sorted() == Array(0..<operands[0].rank), "C2",
        "\(permutation) is not a permutation of the \(operands[0].rank) axes")
      return [operands[0].with(shape: permutation.map { operands[0].shape[$0] })]
    case .slice(let axis, let start, let end):
      try check.operandCount(1)
      try check.axis(axis, of: 0)
      try check.that(
        0 <= start && start < end && end <= operands[0].shape[axis], "C3",
        "[\(start), \(end)) is not a range of the axis of extent \(operands[0].shape[axis])")
      return [operands[0].setting(axis: axis, to: end - start)]
    case .concatenate(let axis):
      try check.concatenates(along: axis)
      let extent = Size.sum(operands.map { $0.shape[axis] })
      return [check.pointwise(operands[0]).setting(axis: axis, to: extent)]
    case .pad(let axis, let low, let high, _):
      try check.operandCount(1)
      try check.axis(axis, of: 0)
      try check.that(low >= 0 && high >= 0, "C3", "negative padding (\(low), \(high))")
      return [operands[0].setting(axis: axis, to: Size.sum([low, operands[0].shape[axis], high]))]
    case .gather(let axis, let indices):
      try check.operandCount(1)
      try check.axis(axis, of: 0)
      try check.indices(indices, below: operands[0].shape[axis])
      return [operands[0].setting(axis: axis, to: indices.count)]
    case .scatterAdd(let axis, let indices, let size):
      try check.operandCount(1)
      try check.number(0)
      try check.axis(axis, of: 0)
      try check.indices(indices, below: size)
      try check.that(
        indices.count == operands[0].shape[axis], "C4",
        "\(indices.count) indices for an axis of extent \(operands[0].shape[axis])")
      return [operands[0].setting(axis: axis, to: size)]
    case .linear(let mask):
      return [try Self.linearType(mask, check)]
    case .linearWeightGradient(let mask):
      try check.operandCount(2)
      try check.float(0)
      try check.float(1)
      try check.that(
        operands[0].hasRows && operands[1].hasRows && operands[0].rank == 1
          && operands[1].rank == 1, "C2", "both operands must be row vectors")
      let shape = [operands[0].shape[0], operands[1].shape[0]]
      try check.mask(mask, is: shape)
      return [.uniform(shape, operands[0].dtype)]
    case .matmul:
      try check.operandCount(2)
      try check.float(0)
      try check.that(
        operands.allSatisfy { !$0.hasRows && $0.rank == 2 && $0.dtype == operands[0].dtype }
          && operands[0].shape[1] == operands[1].shape[0], "C2",
        "needs uniform m x k and k x n, found \(operands[0]) and \(operands[1])")
      return [operands[0].with(shape: [operands[0].shape[0], operands[1].shape[1]])]
    case .matrixExponential, .cholesky:
      try check.operandCount(1)
      try check.float(0)
      try check.squareMatrix(0)
      return [operands[0]]
    case .triangularSolve:
      try check.operandCount(2)
      try check.float(0)
      try check.float(1)
      try check.solves(0, 1)
      return [check.pointwise(operands[1])]
    case .rowSum:
      try check.operandCount(1)
      try check.float(0)
      try check.that(operands[0].hasRows, "C2", "the operand has no rows to sum")
      return [operands[0].with(hasRows: false)]
    case .rowCount(let dtype):
      try check.operandCount(0)
      return [.uniform([], dtype)]
    case .random(_, let type, let stream):
      try check.operandCount(1)
      try check.that(
        operands[0] == .uniform([2], .i32), "C1", "the seed must be 2 x i32, found \(operands[0])")
      try check.that(type.dtype.isFloat, "C2", "the result must be a float, found \(type)")
      try check.that(
        UInt32(exactly: stream) != nil, "C3",
        "the stream must be in 0...\(UInt32.max), found \(stream)")
      return [type]
    case .autoregressiveInverse(let passes):
      try check.operandCount(0)
      try check.that(
        (1...Self.maximumPasses).contains(passes), "C1",
        "passes must be in 1...\(Self.maximumPasses), found \(passes)")
      try check.that(!regionResults.isEmpty, "C2", "the region must yield the new x first")
      for result in regionResults {
        try check.that(
          result.hasRows, "C3", "what the region yields must be row values, found \(result)")
      }
      return regionResults
    case .odeSolve(let control, let isRecorded):
      let states = try Self.odeStates(control, check, regionResults)
      guard isRecorded else { return states }
      let elements = Size.sum([2] + states.map(\.elementCount))
      return states + [.row([control.steps, elements], states[0].dtype)]
    case .odeAdjoint(let steps):
      return try Self.odeAdjointTypes(steps, check, regionResults)
    case .monotoneRoot(let lower, let upper):
      try check.operandCount(1)
      try check.float(0)
      try check.that(operands[0].hasRows, "C3", "the target \(operands[0]) must be a row value")
      try check.that(lower < upper, "C4", "lower must be less than upper, found \(lower), \(upper)")
      try check.that(
        regionResults.count == 2
          && regionResults.allSatisfy { $0.with(hasRows: true) == operands[0] }, "C5",
        "the region must yield f(x) and its slopes as \(operands[0]), found \(regionResults)")
      return [operands[0]]
    case .quadrature(let nodes):
      try check.operandCount(2)
      try check.float(0)
      try check.that(
        operands[0].hasRows && operands[0] == operands[1], "C3",
        "the limits must be row values of one type, found \(operands[0]) and \(operands[1])")
      try check.that(
        GaussLegendre.supported.contains(nodes), "C4",
        "nodes must be in \(GaussLegendre.supported), found \(nodes)")
      try check.that(
        !regionResults.isEmpty && regionResults.allSatisfy(\.dtype.isFloat), "C5",
        "the region must yield floats, found \(regionResults)")
      return regionResults
    }
  }

  /// The largest number of times that an inverse's region can be applied.
  public static let maximumPasses = 1 << 20

  private static func unaryType(
    _ operation: UnaryOperator, _ check: ConstraintChecker
  ) throws(TypeError) -> TensorType {
    try check.operandCount(1)
    try check.domain(operation.traits.domain)
    let operand = check.operands[0]
    return operation.traits.givesBool ? operand.with(dtype: .bool) : operand
  }

  private static func odeStates(
    _ control: ODEControl, _ check: ConstraintChecker, _ derivatives: [TensorType]
  ) throws(TypeError) -> [TensorType] {
    let operands = check.operands
    try check.that(
      operands.count >= 3, "C1", "needs t0, t1 and a state, found \(operands.count) operands")
    for index in operands.indices { try check.float(index) }
    try check.that(
      operands[0].shape.isEmpty && operands[1].shape.isEmpty, "C3",
      "the times must be scalars, found \(operands[0]) and \(operands[1])")
    let states = operands.dropFirst(2).map { $0.with(hasRows: true) }
    try check.that(
      derivatives.map { $0.with(hasRows: true) } == states, "C4",
      "the region must yield the derivatives of \(states), found \(derivatives)")
    try check.that(
      control.atol >= 0 && control.rtol >= 0 && control.atol + control.rtol > 0
        && control.atol.isFinite && control.rtol.isFinite, "C5",
      "the tolerances must be numbers of 0 or more, not both 0, found atol \(control.atol) and "
        + "rtol \(control.rtol)")
    try check.that(
      (1...ODEControl.maximumSteps).contains(control.steps), "C6",
      "steps must be in 1...\(ODEControl.maximumSteps), found \(control.steps)")
    return states
  }

  private static func odeAdjointTypes(
    _ steps: Int, _ check: ConstraintChecker, _ yielded: [TensorType]
  ) throws(TypeError) -> [TensorType] {
    let operands = check.operands
    try check.that(
      operands.count >= 2, "C1", "needs a record and cotangents, found \(operands.count) operands")
    for index in operands.indices { try check.float(index) }
    let cotangents = operands.dropFirst().map { $0.with(hasRows: true) }
    let elements = Size.sum([2] + cotangents.map(\.elementCount))
    try check.that(
      operands[0] == .row([steps, elements], operands[0].dtype), "C3",
      "the record must be rows x \(steps) x \(elements), found \(operands[0])")
    try check.that(
      Array(yielded.prefix(cotangents.count)) == cotangents, "C4",
      "the second region must yield the cotangents \(cotangents) first, found \(yielded)")
    return yielded
  }

  private static func linearType(
    _ mask: Mask?, _ check: ConstraintChecker
  ) throws(TypeError) -> TensorType {
    let operands = check.operands
    try check.that(
      operands.count == 2 || operands.count == 3, "C1",
      "needs x, weight and maybe bias, found \(operands.count) operands")
    for index in operands.indices { try check.float(index) }
    let (x, weight) = (operands[0], operands[1])
    try check.that(
      !weight.hasRows && weight.rank == 2 && x.rank >= 1 && x.shape.last == weight.shape[1], "C2",
      "needs x (… x in) and a uniform weight (out x in), found \(x) and \(weight)")
    if operands.count == 3 {
      try check.that(
        operands[2].shape == [weight.shape[0]] && !operands[2].hasRows, "C3",
        "the bias must be uniform, \(weight.shape[0]) x \(x.dtype), found \(operands[2])")
    }
    try check.mask(mask, is: weight.shape)
    return x.setting(axis: x.rank - 1, to: weight.shape[0])
  }
}

extension TensorType {
  fileprivate func removing(axis: Int) -> TensorType {
    var shape = shape
    shape.remove(at: axis)
    return with(shape: shape)
  }

  fileprivate func setting(axis: Int, to extent: Int) -> TensorType {
    var shape = shape
    shape[axis] = extent
    return with(shape: shape)
  }
}
