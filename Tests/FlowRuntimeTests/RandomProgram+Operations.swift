import FlowIR

/// Operations without regions.
extension ProgramMaker {
  mutating func unary() throws {
    let function = UnaryOperator.allCases[below(UnaryOperator.allCases.count)]
    var a = float()
    switch function {
    case .not: a = pick { $0.dtype == .bool } ?? constant(type(a).shape, .bool)
    case .negate, .absolute, .sign:
      if below(4) == 0, let whole = pick({ $0.dtype == .i32 }) { a = whole }
    case .reciprocal, .sqrt, .rsqrt, .log, .log1p: a = try positive(a)
    case .asin: a = try tanh(a)
    case .square, .exp, .expm1, .sin, .cos, .tanh, .sigmoid, .softplus, .logSigmoid, .elu, .erf,
      .erfc, .relu, .floor, .isNaN, .isFinite:
      break
    }
    let result = try builder.emit(.unary(function), a)
    pool.append(type(result).dtype == dtype ? try tanh(result) : result)
    if function != .not, type(result).dtype == dtype, below(2) == 0 { pool.append(result) }
  }

  mutating func binary() throws {
    let function = BinaryOperator.allCases[below(BinaryOperator.allCases.count)]
    var a = float()
    var b = like(a)
    switch function {
    case .and, .or:
      a = pick { $0.dtype == .bool } ?? constant(type(a).shape, .bool)
      b = like(a)
    case .power: a = try positive(a)
    case .divide: b = try positive(b)
    case .add, .subtract, .multiply, .maximum, .minimum: break
    }
    let result = try builder.emit(.binary(function), a, b)
    pool.append(type(result).dtype == dtype ? try tanh(result) : result)
  }

  mutating func comparison() throws {
    let a = float()
    let condition = try builder.emit(
      .compare(Comparison.allCases[below(Comparison.allCases.count)]), a, like(a))
    pool.append(condition)
    let b = like(a)
    pool.append(try builder.emit(.select, condition, b, like(b)))
  }

  mutating func conversion() throws {
    let a = below(2) == 0 ? float() : pick { $0.dtype != .f32 && $0.dtype != .f64 } ?? float()
    let targets: [DType] = [dtype, .i32, .bool]
    pool.append(try builder.emit(.convert(targets[below(3)]), a))
  }

  mutating func reduction() throws {
    let a = float { $0.rank > 0 }
    let axis = below(type(a).rank)
    if below(3) == 0 {
      pool.append(
        try tanh(try builder.emit(.cumulativeSum(axis: axis, reverse: below(2) == 0), a)))
    } else {
      let reduction = Reduction.allCases[below(Reduction.allCases.count)]
      pool.append(try tanh(try builder.emit(.reduce(reduction, axis: axis), a)))
    }
  }

  mutating func lookup() throws {
    let table = float { $0.rank > 0 }
    let axis = type(table).rank - 1
    let sorted = try builder.emit(
      .cumulativeSum(axis: axis, reverse: false), try positive(table))
    let shape = Array(type(table).shape.dropLast())
    let x = pick { [dtype] in $0.dtype == dtype && $0.shape == shape } ?? constant(shape)
    let index = try builder.emit(.search, sorted, x)
    pool.append(try builder.emit(.take, table, index))
    pool.append(index)
  }

  mutating func view() throws {
    let a = below(6) == 0 ? pick { $0.dtype == .i32 } ?? float() : float()
    let shape = type(a).shape
    switch below(8) {
    case 0:
      pool.append(
        try builder.emit(.reshape(shape.count == 2 ? [Size.product(shape)] : [1] + shape), a))
    case 1: pool.append(try builder.emit(.broadcast([2] + shape), a))
    case 2:
      let order = Array(shape.indices).shuffled(using: &generator)
      pool.append(try builder.emit(.transpose(order), a))
    case 3 where !shape.isEmpty:
      let axis = below(shape.count)
      let start = below(shape[axis])
      let end = start + 1 + below(shape[axis] - start)
      pool.append(try builder.emit(.slice(axis: axis, start: start, end: end), a))
    case 4 where !shape.isEmpty:
      let other = like(a)
      pool.append(try builder.append(.concatenate(axis: below(shape.count)), [a, other])[0])
    case 5 where !shape.isEmpty:
      let value = type(a).dtype == .i32 ? 1 : number()
      pool.append(
        try builder.emit(
          .pad(axis: below(shape.count), low: below(2), high: below(3), value: value), a))
    case 6 where !shape.isEmpty:
      let axis = below(shape.count)
      let indices = (0..<1 + below(4)).map { _ in below(shape[axis]) }
      pool.append(try builder.emit(.gather(axis: axis, indices: indices), a))
    case 7 where !shape.isEmpty:
      let axis = below(shape.count)
      let places = Array(0..<shape[axis] + 1).shuffled(using: &generator)
      pool.append(
        try builder.emit(
          .scatterAdd(
            axis: axis, indices: Array(places.prefix(shape[axis])), size: shape[axis] + 1), a))
    default: break
    }
    // Shapes stay small.
    pool = pool.filter { type($0).elementCount <= 24 && type($0).rank <= 3 }
  }

  mutating func mask(_ rows: Int, _ columns: Int) -> Mask {
    Mask(rows: rows, columns: columns, bits: (0..<rows * columns).map { _ in below(3) > 0 })
  }

  mutating func layer() throws {
    let x = float { $0.rank > 0 && $0.hasRows }
    let inputs = type(x).shape.last ?? 1
    let outputs = 1 + below(4)
    let weight =
      pick { [dtype] in $0 == .uniform([outputs, inputs], dtype) } ?? constant([outputs, inputs])
    var operands = [x, weight]
    if below(2) == 0 { operands.append(constant([outputs])) }
    let mask = below(2) == 0 ? mask(outputs, inputs) : nil
    let hidden = try builder.append(.linear(mask), operands)[0]
    pool.append(below(2) == 0 ? try tanh(hidden) : try builder.emit(.unary(.relu), hidden))
  }

  mutating func algebra() throws {
    let n = 2 + below(2)
    let a = pick { [dtype] in $0 == .uniform([n, n], dtype) } ?? constant([n, n])
    switch below(4) {
    case 0:
      let b = pick { [dtype] in $0 == .uniform([n, n], dtype) } ?? constant([n, n])
      pool.append(try tanh(try builder.emit(.matmul, a, b)))
    case 1: pool.append(try tanh(try builder.emit(.matrixExponential, try tanh(a))))
    case 2:
      let square = try builder.emit(.matmul, a, try builder.emit(.transpose([1, 0]), a))
      let identity = try builder.emit(
        .constant(
          Literal((0..<n * n).map { $0 / n == $0 % n ? 1 : 0 }, shape: [n, n], dtype: dtype)))
      pool.append(
        try builder.emit(.cholesky, try builder.emit(.binary(.add), square, identity)))
    default:
      let b = float { $0.shape == [n] }
      guard type(b).shape == [n] else { return }
      let unit = below(2) == 0
      let matrix = unit ? try tanh(a) : try positive(a)
      pool.append(
        try tanh(
          try builder.emit(.triangularSolve(upper: below(2) == 0, unit: unit), matrix, b)))
    }
  }

  mutating func sums() throws {
    switch below(3) {
    case 0:
      let count = try builder.emit(.rowCount(dtype))
      pool.append(try builder.emit(.unary(.reciprocal), count))
    case 1:
      let a = float { $0.hasRows }
      guard type(a).hasRows else { return }
      let count = try builder.emit(.rowCount(dtype))
      let sum = try builder.emit(.rowSum, a)
      pool.append(
        try builder.emit(.binary(.divide), sum, try broadcast(count, type(a).shape)))
    default:
      let g = float { $0.hasRows && $0.rank == 1 }
      let x = float { $0.hasRows && $0.rank == 1 }
      let shape = [type(g).shape[0], type(x).shape[0]]
      let mask = below(2) == 0 ? mask(shape[0], shape[1]) : nil
      let sum = try builder.emit(.linearWeightGradient(mask), g, x)
      let count = try builder.emit(.rowCount(dtype))
      pool.append(try builder.emit(.binary(.divide), sum, try broadcast(count, shape)))
    }
  }

  mutating func random() throws {
    let distribution: RandomDistribution = below(2) == 0 ? .normal : .uniform
    let type = TensorType(hasRows: below(3) > 0, shape: [1 + below(4)], dtype: dtype)
    pool.append(
      try builder.emit(.random(distribution, type: type, stream: below(1 << 20)), seed))
  }
}
