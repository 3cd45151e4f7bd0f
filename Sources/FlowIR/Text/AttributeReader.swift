/// The attributes of an operation in the text form, and the opcode that they make with the type.
struct AttributeReader {
  private let name: String
  private var integers: [String: Int] = [:]
  private var lists: [[Int]] = []
  private var value = 0.0
  private var bounds: [Double] = []
  private var numbers: [Double] = []
  private var mask: Mask?
  private var isReverse = false
  private var tolerances: [Double] = []
  private var isRecorded = false
  private var isUpper = false
  private var isUnit = false

  init(name: String, parser: inout Parser) throws(ParseError) {
    self.name = name
    switch name {
    case "constant": numbers = try parser.numbers()
    case "cumulative_sum":
      try read(["axis"], &parser)
      isReverse = try parser.takeKeyword("reverse")
    case "triangular_solve":
      isUpper = try parser.takeKeyword("upper")
      if !isUpper { try parser.keyword("lower") }
      isUnit = try parser.takeKeyword("unit")
    case "transpose": lists = [try parser.list()]
    case "slice": try read(["axis", "from", "to"], &parser)
    case "concatenate": try read(["axis"], &parser)
    case "pad":
      try read(["axis", "low", "high"], &parser)
      try parser.keyword("value")
      value = try parser.number()
    case "gather", "scatter_add":
      try read(["axis"], &parser)
      try parser.keyword("indices")
      lists = [try parser.list()]
      if name == "scatter_add" { try read(["size"], &parser) }
    case "linear", "linear_weight_gradient": mask = try parser.maskReference()
    case "random_normal", "random_uniform": try read(["stream"], &parser)
    case "autoregressive_inverse": try read(["passes"], &parser)
    case "ode_solve":
      for key in ["atol", "rtol"] {
        try parser.keyword(key)
        tolerances.append(try parser.number())
      }
      try read(["steps"], &parser)
      isRecorded = try parser.takeKeyword("recorded")
    case "ode_adjoint": try read(["steps"], &parser)
    case "monotone_root":
      for key in ["lower", "upper"] {
        try parser.keyword(key)
        bounds.append(try parser.number())
      }
    case "quadrature": try read(["nodes"], &parser)
    default: if name.hasPrefix("reduce_") { try read(["axis"], &parser) }
    }
  }

  private mutating func read(_ keys: [String], _ parser: inout Parser) throws(ParseError) {
    for key in keys {
      try parser.keyword(key)
      integers[key] = try parser.integer()
    }
  }

  private func integer(_ key: String) -> Int { integers[key] ?? 0 }

  /// The opcode for a result type; nil if the name is unknown or a constant does not fit its type.
  func opcode(_ type: TensorType) -> Opcode? {
    if let operation = UnaryOperator(rawValue: name) { return .unary(operation) }
    if let operation = BinaryOperator(rawValue: name) { return .binary(operation) }
    if let comparison = Comparison(rawValue: name) { return .compare(comparison) }
    if name.hasPrefix("reduce_"), let reduction = Reduction(rawValue: String(name.dropFirst(7))) {
      return .reduce(reduction, axis: integer("axis"))
    }
    if name.hasPrefix("random_"),
      let distribution = RandomDistribution(rawValue: String(name.dropFirst(7)))
    {
      return .random(distribution, type: type, stream: integer("stream"))
    }
    switch name {
    case "constant":
      if numbers.count == 1 {
        return .constant(Literal(splat: numbers[0], shape: type.shape, dtype: type.dtype))
      }
      guard numbers.count == type.elementCount else { return nil }
      return .constant(Literal(numbers, shape: type.shape, dtype: type.dtype))
    case "select": return .select
    case "convert": return .convert(type.dtype)
    case "cumulative_sum": return .cumulativeSum(axis: integer("axis"), reverse: isReverse)
    case "search": return .search
    case "take": return .take
    case "reshape": return .reshape(type.shape)
    case "broadcast": return .broadcast(type.shape)
    case "transpose": return .transpose(lists[0])
    case "slice":
      return .slice(axis: integer("axis"), start: integer("from"), end: integer("to"))
    case "concatenate": return .concatenate(axis: integer("axis"))
    case "pad":
      return .pad(
        axis: integer("axis"), low: integer("low"), high: integer("high"), value: value)
    case "gather": return .gather(axis: integer("axis"), indices: lists[0])
    case "scatter_add":
      return .scatterAdd(axis: integer("axis"), indices: lists[0], size: integer("size"))
    case "linear": return .linear(mask)
    case "linear_weight_gradient": return .linearWeightGradient(mask)
    case "matmul": return .matmul
    case "matrix_exponential": return .matrixExponential
    case "cholesky": return .cholesky
    case "triangular_solve": return .triangularSolve(upper: isUpper, unit: isUnit)
    case "row_sum": return .rowSum
    case "row_count": return .rowCount(type.dtype)
    case "autoregressive_inverse": return .autoregressiveInverse(passes: integer("passes"))
    case "ode_solve":
      return .odeSolve(
        ODEControl(atol: tolerances[0], rtol: tolerances[1], steps: integer("steps")),
        isRecorded: isRecorded)
    case "ode_adjoint": return .odeAdjoint(steps: integer("steps"))
    case "monotone_root": return .monotoneRoot(lower: bounds[0], upper: bounds[1])
    case "quadrature": return .quadrature(nodes: integer("nodes"))
    default: return nil
    }
  }
}
