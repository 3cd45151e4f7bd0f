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

struct ProgramMaker {
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
}
