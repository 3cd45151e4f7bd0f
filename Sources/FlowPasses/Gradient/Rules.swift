import FlowIR

extension ReversePass {
  /// Adds the cotangents of an operation's operands, given those of its results.
  func differentiate(_ operation: TensorOperation) throws(TypeError) {
    if operation.opcode.isStructured {
      try differentiateStructured(operation)
    } else if let g = cotangents[operation.result] {
      try differentiate(operation, g)
    }
  }

  private func differentiateStructured(_ operation: TensorOperation) throws(TypeError) {
    switch operation.opcode {
    case .autoregressiveInverse(let passes): try inverseRule(operation, passes: passes)
    case .monotoneRoot(let lower, let upper): try rootRule(operation, lower: lower, upper: upper)
    case .quadrature(let nodes): try quadratureRule(operation, nodes: nodes)
    case .odeSolve(let control, let isRecorded):
      try solveRule(operation, control, isRecorded: isRecorded)
    case .odeAdjoint:
      throw TypeError(
        operation: "ode_adjoint", constraint: "derivative",
        message: "the gradient of an ODE's solution can't be differentiated again")
    case .constant, .unary, .binary, .compare, .select, .convert, .reduce, .cumulativeSum, .search,
      .take, .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather, .scatterAdd,
      .linear, .linearWeightGradient, .matmul, .matrixExponential, .cholesky, .triangularSolve,
      .rowSum, .rowCount, .random:
      preconditionFailure("\(operation.opcode.name) has no regions")
    }
  }

  /// Adds the cotangents of the operands, given the cotangent of the only result.
  private func differentiate(_ operation: TensorOperation, _ g: Value) throws(TypeError) {
    let result = operation.result
    let isRow = type(result).hasRows
    func give(_ index: Int, _ rule: () throws(TypeError) -> Value) throws(TypeError) {
      if isActive(operation.operands[index]) {
        try add(try rule(), to: operation.operands[index], isRow: isRow)
      }
    }
    let a = operation.operands.first ?? result
    switch operation.opcode {
    case .unary(let function):
      try give(0) { () throws(TypeError) in try unaryRule(function, a, result, g) }
    case .binary(let function):
      for index in 0..<2 {
        try give(index) { () throws(TypeError) in
          try binaryRule(function, operation.operands, result, g, index)
        }
      }
    case .select:
      let zero = like(g, 0)
      try narrowSupport(selecting: operation)
      try give(1) { () throws(TypeError) in try select(a, g, zero) }
      try give(2) { () throws(TypeError) in try select(a, zero, g) }
    case .convert:
      try give(0) { () throws(TypeError) in try builder.emit(.convert(type(a).dtype), g) }
    case .reduce(let reduction, let axis):
      try give(0) { () throws(TypeError) in try reduceRule(reduction, axis, a, result, g) }
    case .cumulativeSum(let axis, let reverse):
      try give(0) { () throws(TypeError) in
        try builder.emit(.cumulativeSum(axis: axis, reverse: !reverse), g)
      }
    case .take:
      try give(0) { () throws(TypeError) in try takeRule(a, operation.operands[1], g) }
    case .reshape, .broadcast, .transpose, .slice, .pad, .gather, .scatterAdd:
      try give(0) { () throws(TypeError) in try viewRule(operation.opcode, a, g) }
    case .concatenate(let axis):
      var start = 0
      for (index, operand) in operation.operands.enumerated() {
        let end = start + type(operand).shape[axis]
        try give(index) { () throws(TypeError) in
          try builder.emit(.slice(axis: axis, start: start, end: end), g)
        }
        start = end
      }
    case .linear(let mask): try linearRule(operation, mask, g)
    case .linearWeightGradient(let mask):
      let transposed = try isActive(operation.operands[1]) ? transpose(g) : g
      if isActive(a) {
        try add(
          try builder.emit(.linear(mask), operation.operands[1], g), to: a, isRow: true)
      }
      if isActive(operation.operands[1]) {
        try add(
          try builder.emit(.linear(mask?.transposed), a, transposed),
          to: operation.operands[1], isRow: true)
      }
    case .matmul:
      let b = operation.operands[1]
      try give(0) { () throws(TypeError) in try builder.emit(.matmul, g, try transpose(b)) }
      try give(1) { () throws(TypeError) in try builder.emit(.matmul, try transpose(a), g) }
    case .matrixExponential:
      try give(0) { () throws(TypeError) in try matrixExponentialRule(a, g) }
    case .cholesky:
      try give(0) { () throws(TypeError) in try choleskyRule(result, g) }
    case .triangularSolve(let upper, let unit):
      try triangularSolveRule(operation, upper: upper, unit: unit, g)
    case .rowSum:
      // Uniform, standing for the same cotangent in every row.
      if isActive(a) { try add(g, to: a, isRow: true) }
    case .constant, .compare, .search, .rowCount, .random, .autoregressiveInverse, .odeSolve,
      .odeAdjoint, .monotoneRoot, .quadrature:
      break
    }
  }

  func transpose(_ a: Value) throws(TypeError) -> Value { try builder.emit(.transpose([1, 0]), a) }

  private func unaryRule(
    _ function: UnaryOperator, _ a: Value, _ r: Value, _ g: Value
  ) throws(TypeError) -> Value {
    switch function {
    case .negate: return try unary(.negate, g)
    case .absolute: return try multiply(g, try unary(.sign, a))
    case .reciprocal: return try unary(.negate, try multiply(g, try unary(.square, r)))
    case .square: return try multiply(g, try scale(a, 2))
    case .sqrt: return try divide(try scale(g, 0.5), r)
    case .rsqrt:
      return try multiply(try scale(g, -0.5), try multiply(r, try unary(.square, r)))
    case .exp: return try multiply(g, r)
    case .expm1: return try multiply(g, try plus(r, like(r, 1)))
    case .log: return try divide(g, a)
    case .log1p: return try divide(g, try plus(a, like(a, 1)))
    case .sin: return try multiply(g, try unary(.cos, a))
    case .cos: return try unary(.negate, try multiply(g, try unary(.sin, a)))
    case .asin:
      // 1 - a² as (1 - a)(1 + a) keeps its digits near the ends.
      let square = try multiply(try minus(like(a, 1), a), try plus(like(a, 1), a))
      return try multiply(g, try unary(.rsqrt, square))
    case .tanh: return try multiply(g, try minus(like(r, 1), try unary(.square, r)))
    case .sigmoid: return try multiply(g, try multiply(r, try minus(like(r, 1), r)))
    case .softplus: return try multiply(g, try unary(.sigmoid, a))
    case .logSigmoid:
      return try multiply(g, try unary(.sigmoid, try unary(.negate, a)))
    case .erf, .erfc:
      let bell = try unary(.exp, try unary(.negate, try unary(.square, a)))
      let factor = 1.1283791670955126  // 2 / sqrt(pi)
      return try multiply(g, try scale(bell, function == .erf ? factor : -factor))
    case .elu:
      // 1 above 0 and exp(x) = r + 1 below: one exponential for both.
      let below = try builder.emit(.binary(.minimum), r, like(r, 0))
      return try multiply(g, try plus(below, like(r, 1)))
    case .relu: return try select(try compare(.greater, r, like(r, 0)), g, like(g, 0))
    case .sign, .floor, .isNaN, .isFinite, .not:
      preconditionFailure("\(function.rawValue) has no derivative")
    }
  }

  private func binaryRule(
    _ function: BinaryOperator, _ operands: [Value], _ r: Value, _ g: Value, _ index: Int
  ) throws(TypeError) -> Value {
    let (a, b) = (operands[0], operands[1])
    let (own, other) = index == 0 ? (a, b) : (b, a)
    switch function {
    case .add: return g
    case .subtract: return index == 0 ? g : try unary(.negate, g)
    case .multiply: return try multiply(g, other)
    case .divide:
      let quotient = try divide(g, b)
      return index == 0 ? quotient : try unary(.negate, try multiply(quotient, r))
    case .maximum, .minimum:
      // As in torch, equal operands share the cotangent.
      let wins = try compare(function == .maximum ? .greater : .less, own, other)
      let ties = try compare(.equal, own, other)
      let shared = try select(ties, try scale(g, 0.5), like(g, 0))
      return try select(wins, g, shared)
    case .power:
      if index == 0 {
        let exponent = try minus(b, like(b, 1))
        let slope = try multiply(b, try builder.emit(.binary(.power), a, exponent))
        return try multiply(g, slope)
      }
      return try multiply(g, try multiply(r, try unary(.log, a)))
    case .and, .or: preconditionFailure("\(function.rawValue) has no derivative")
    }
  }

  private func reduceRule(
    _ reduction: Reduction, _ axis: Int, _ a: Value, _ r: Value, _ g: Value
  ) throws(TypeError) -> Value {
    let extent = type(a).shape[axis]
    let spread = try expand(g, axis: axis, extent: extent)
    switch reduction {
    case .sum: return spread
    case .product: return try multiply(spread, try productOfOthers(a, axis: axis))
    case .maximum, .minimum:
      // As in torch, equal extremes share the cotangent.
      let equal = try compare(.equal, a, try expand(r, axis: axis, extent: extent))
      let ones = try builder.emit(.convert(type(a).dtype), equal)
      let count = try builder.emit(.reduce(.sum, axis: axis), ones)
      let share = try divide(g, count)
      return try multiply(ones, try expand(share, axis: axis, extent: extent))
    }
  }

  /// For each element along an axis the product of the others, those before it by those after it.
  private func productOfOthers(_ a: Value, axis: Int) throws(TypeError) -> Value {
    let extent = type(a).shape[axis]
    /// Element `i` becomes element `i - count`, or `i + count` from the end; ones come in.
    func shifted(_ a: Value, _ count: Int, fromEnd: Bool) throws(TypeError) -> Value {
      let (start, end) = fromEnd ? (count, extent) : (0, extent - count)
      let padded = try builder.emit(
        .pad(axis: axis, low: fromEnd ? 0 : count, high: fromEnd ? count : 0, value: 1),
        try builder.emit(.slice(axis: axis, start: start, end: end), a))
      return padded
    }
    func others(fromEnd: Bool) throws(TypeError) -> Value {
      if extent == 1 { return like(a, 1) }
      var products = try shifted(a, 1, fromEnd: fromEnd)
      var count = 1
      while count < extent {
        products = try multiply(products, try shifted(products, count, fromEnd: fromEnd))
        count *= 2
      }
      return products
    }
    return try multiply(try others(fromEnd: false), try others(fromEnd: true))
  }

  private func takeRule(_ a: Value, _ index: Value, _ g: Value) throws(TypeError) -> Value {
    let shape = type(a).shape
    let last = shape.count - 1
    let extent = shape[last]
    let bounded = try builder.emit(
      .binary(.minimum),
      try builder.emit(.binary(.maximum), index, integers(like: index, 0)),
      integers(like: index, extent - 1))
    let iota = try builder.emit(
      .constant(Literal((0..<extent).map(Double.init), shape: [extent], dtype: .i32)))
    let place = try builder.emit(
      .compare(.equal), try expand(bounded, axis: last, extent: extent),
      try broadcast(iota, shape))
    let spread = try expand(g, axis: last, extent: extent)
    return try select(place, spread, like(spread, 0))
  }

  private func integers(like value: Value, _ number: Int) -> Value {
    builder.splat(Double(number), shape: type(value).shape, dtype: .i32)
  }

  private func viewRule(_ opcode: Opcode, _ a: Value, _ g: Value) throws(TypeError) -> Value {
    let shape = type(a).shape
    switch opcode {
    case .reshape: return try builder.emit(.reshape(shape), g)
    case .broadcast(let target):
      var sum = g
      let shift = target.count - shape.count
      for axis in target.indices.reversed()
      where axis < shift || (shape[axis - shift] == 1 && target[axis] != 1) {
        sum = try builder.emit(.reduce(.sum, axis: axis), sum)
      }
      return try builder.emit(.reshape(shape), sum)
    case .transpose(let permutation):
      let inverse = permutation.indices.sorted { permutation[$0] < permutation[$1] }
      return try builder.emit(.transpose(inverse), g)
    case .slice(let axis, let start, let end):
      return try builder.emit(
        .pad(axis: axis, low: start, high: shape[axis] - end, value: 0), g)
    case .pad(let axis, let low, _, _):
      return try builder.emit(.slice(axis: axis, start: low, end: low + shape[axis]), g)
    case .gather(let axis, let indices):
      if type(g).hasRows, Set(indices).count < indices.count {
        return try scatterRepeated(g, axis: axis, indices: indices, size: shape[axis])
      }
      return try builder.emit(.scatterAdd(axis: axis, indices: indices, size: shape[axis]), g)
    case .scatterAdd(let axis, let indices, _):
      return try builder.emit(.gather(axis: axis, indices: indices), g)
    case .constant, .unary, .binary, .compare, .select, .convert, .reduce, .cumulativeSum, .search,
      .take, .concatenate, .linear, .linearWeightGradient, .matmul, .matrixExponential, .cholesky,
      .triangularSolve, .rowSum, .rowCount, .random, .autoregressiveInverse, .odeSolve, .odeAdjoint,
      .monotoneRoot, .quadrature:
      preconditionFailure("\(opcode.name) is not a view of one operand")
    }
  }

  /// `scatter_add` with repeated indices as a reduction, which can be compiled for row values: what goes
  /// to one place is gathered side by side, filled up with zeros, and summed.
  private func scatterRepeated(
    _ g: Value, axis: Int, indices: [Int], size: Int
  ) throws(TypeError) -> Value {
    var sources = [[Int]](repeating: [], count: size)
    for (position, index) in indices.enumerated() { sources[index].append(position) }
    let most = sources.map(\.count).max() ?? 0
    let filled = sources.flatMap { list in
      list + Array(repeating: indices.count, count: most - list.count)
    }
    let padded = try builder.emit(.pad(axis: axis, low: 0, high: 1, value: 0), g)
    let gathered = try builder.emit(.gather(axis: axis, indices: filled), padded)
    var shape = type(gathered).shape
    shape.replaceSubrange(axis...axis, with: [size, most])
    return try builder.emit(
      .reduce(.sum, axis: axis + 1), try builder.emit(.reshape(shape), gathered))
  }
}
