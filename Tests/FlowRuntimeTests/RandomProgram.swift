import FlowIR

/// A verified function of random operations, all opcodes and regions among them, and its arguments.
///
/// Numbers are kept near 1, where a difference of rounding stays one: what may be large is passed
/// through `tanh`, and what an operation has no value for is moved into its domain.
struct RandomProgram {
  let function: Function
  let arguments: [String: [Double]]
  static let rows = 70

  init(seed: UInt64, dtype: DType = .f64, size: Int = 14) throws {
    var maker = ProgramMaker(seed: seed, dtype: dtype)
    (function, arguments) = try maker.make(size: size)
  }

  /// The names of all operations of a function, regions included.
  static func names(_ operations: [TensorOperation]) -> Set<String> {
    var names: Set<String> = []
    for operation in operations {
      names.insert(operation.opcode.name)
      for region in operation.regions { names.formUnion(Self.names(region.operations)) }
    }
    return names
  }
}

/// Numbers by the step of Steele, Lea and Flood's SplitMix64 (OOPSLA 2014).
struct ProgramGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

private struct ProgramMaker {
  var generator: ProgramGenerator
  let dtype: DType
  let builder = FunctionBuilder(name: "f")
  /// The values that operations may read here.
  var pool: [Value] = []
  var seed = Value(id: 0)
  static let shapes: [[Int]] = [[], [1], [2], [3], [4], [2, 3], [3, 2], [2, 2], [3, 3]]

  init(seed: UInt64, dtype: DType) {
    generator = ProgramGenerator(state: seed)
    self.dtype = dtype
  }

  mutating func make(size: Int) throws -> (Function, [String: [Double]]) {
    var arguments: [String: [Double]] = ["seed": [7, 11]]
    seed = builder.argument("seed", .uniform([2], .i32))
    for index in 0..<6 {
      let shape = index == 0 ? [3] : pickShape()
      let type = TensorType(hasRows: index < 3, shape: shape, dtype: dtype)
      let kinds: [FunctionArgument.Kind] = type.hasRows ? [.input] : [.input, .parameter, .buffer]
      let name = "a\(index)"
      pool.append(builder.argument(name, type, kinds[below(kinds.count)]))
      let count = (type.hasRows ? RandomProgram.rows : 1) * type.elementCount
      arguments[name] = (0..<count).map { _ in number() }
    }
    while builder.currentOperations.count < size { try grow() }
    var results: [FunctionResult] = []
    for value in pool.reversed() where results.count < 6 && type(value).dtype.isFloat {
      results.append(FunctionResult(name: "r\(results.count)", value: value))
    }
    return (builder.finish(results: results), arguments)
  }

  func type(_ value: Value) -> TensorType { builder.type(of: value) }
  mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &generator) }
  mutating func number() -> Double {
    let value = Double.random(in: -1.5...1.5, using: &generator)
    return dtype == .f32 ? Double(Float(value)) : value
  }
  mutating func pickShape() -> [Int] { Self.shapes[below(Self.shapes.count)] }

  /// A value that suits, or a constant of the shape.
  mutating func pick(_ suits: (TensorType) -> Bool) -> Value? {
    let found = pool.filter { suits(type($0)) }
    return found.isEmpty ? nil : found[below(found.count)]
  }
  mutating func float(_ suits: (TensorType) -> Bool = { _ in true }) -> Value {
    let dtype = dtype
    return pick { $0.dtype == dtype && suits($0) } ?? pool[0]
  }
  mutating func like(_ a: Value) -> Value {
    let wanted = type(a)
    return pick { $0.shape == wanted.shape && $0.dtype == wanted.dtype } ?? a
  }
  mutating func constant(_ shape: [Int], _ dtype: DType? = nil) -> Value {
    let dtype = dtype ?? self.dtype
    let count = Size.product(shape)
    var values: [Double] = []
    for _ in 0..<(below(3) == 0 ? 1 : count) {
      switch dtype {
      case .f32, .f64: values.append(number())
      case .i32: values.append(Double(below(5)))
      case .bool: values.append(Double(below(2)))
      }
    }
    let literal =
      values.count == count
      ? Literal(values, shape: shape, dtype: dtype)
      : Literal(splat: values[0], shape: shape, dtype: dtype)
    return (try? builder.emit(.constant(literal))) ?? seed
  }
  func tanh(_ a: Value) throws -> Value { try builder.emit(.unary(.tanh), a) }
  /// A value above 0.1.
  func positive(_ a: Value) throws -> Value {
    let shift = builder.splat(0.1, shape: type(a).shape, dtype: dtype)
    return try builder.emit(.binary(.add), try builder.emit(.unary(.softplus), a), shift)
  }
  func broadcast(_ a: Value, _ shape: [Int]) throws -> Value {
    type(a).shape == shape ? a : try builder.emit(.broadcast(shape), a)
  }

  mutating func grow() throws {
    switch below(30) {
    case 0: pool.append(constant(pickShape()))
    case 1...3: try unary()
    case 4...6: try binary()
    case 7: try comparison()
    case 8: try conversion()
    case 9: try reduction()
    case 10: try lookup()
    case 11...14: try view()
    case 15...17: try layer()
    case 18, 19: try algebra()
    case 20, 21: try sums()
    case 22: try random()
    case 23, 24: try inverse()
    case 25: try solve()
    case 26, 27: try root()
    default: try quadrature()
    }
  }

  mutating func unary() throws {
    let function = UnaryOperator.allCases[below(UnaryOperator.allCases.count)]
    var a = float()
    switch function {
    case .not: a = pick { $0.dtype == .bool } ?? constant(type(a).shape, .bool)
    case .negate, .absolute, .sign:
      if below(4) == 0, let whole = pick({ $0.dtype == .i32 }) { a = whole }
    case .reciprocal, .sqrt, .rsqrt, .log, .log1p: a = try positive(a)
    case .asin: a = try tanh(a)
    case .square, .exp, .expm1, .sin, .cos, .tanh, .sigmoid, .softplus, .logSigmoid, .erf, .erfc,
      .relu, .floor, .isNaN, .isFinite:
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

  mutating func inverse() throws {
    let y = float { $0.hasRows && $0.rank == 1 }
    let n = type(y).shape[0]
    let x = builder.beginRegion([type(y)])[0]
    let bits = (0..<n * n).map { $0 % n < $0 / n }
    let masked = try builder.emit(
      .linear(Mask(rows: n, columns: n, bits: bits)), x, constant([n, n]))
    let shift = try tanh(masked)
    let next = try builder.emit(.binary(.subtract), y, shift)
    var yielded = [next]
    if below(2) == 0 { yielded.append(try builder.emit(.reduce(.sum, axis: 0), shift)) }
    let region = builder.endRegion(results: yielded)
    pool += try builder.append(.autoregressiveInverse(passes: n), regions: [region])
  }

  mutating func solve() throws {
    let state = float { $0.hasRows && $0.rank == 1 }
    let n = type(state).shape[0]
    let times = [0.0, 0.7].map { builder.splat($0, shape: [], dtype: dtype) }
    let arguments = builder.beginRegion([.row([], dtype), type(state)])
    let hidden = try builder.emit(.linear(nil), arguments[1], constant([n, n]))
    let time = try broadcast(arguments[0], [n])
    let slope = try tanh(try builder.emit(.binary(.add), hidden, time))
    let region = builder.endRegion(results: [slope])
    pool += try builder.append(
      .odeSolve(ODEControl(atol: 1e-6, rtol: 1e-6, steps: 64), isRecorded: false),
      times + [state], regions: [region])
  }

  mutating func root() throws {
    let target = float { $0.hasRows }
    guard type(target).hasRows else { return }
    let factor = try positive(like(target))
    let x = builder.beginRegion([type(target)])[0]
    let curve = try tanh(x)
    let value = try builder.emit(
      .binary(.add), try builder.emit(.binary(.multiply), x, factor), curve)
    let square = try builder.emit(.unary(.square), curve)
    let one = builder.splat(1, shape: type(target).shape, dtype: dtype)
    let slope = try builder.emit(
      .binary(.add), factor, try builder.emit(.binary(.subtract), one, square))
    let region = builder.endRegion(results: [value, slope])
    let isBounded = below(2) == 0
    pool += try builder.append(
      .monotoneRoot(lower: isBounded ? -0.3 : -.infinity, upper: isBounded ? 0.4 : .infinity),
      [target], regions: [region])
  }

  mutating func quadrature() throws {
    let a = float { $0.hasRows && $0.rank == 1 }
    let b = like(a)
    guard type(b).hasRows, type(a).hasRows else { return }
    let weight = like(a)
    let arguments = builder.beginRegion([type(a), type(a)])
    let product = try builder.emit(.binary(.multiply), arguments[0], weight)
    let value = try builder.emit(.binary(.multiply), try tanh(product), arguments[1])
    let region = builder.endRegion(results: [value])
    pool += try builder.append(
      .quadrature(nodes: 1 + below(8)), [a, b], regions: [region])
  }
}
