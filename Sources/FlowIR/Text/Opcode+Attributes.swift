/// Reads or writes the attributes of operations, one after the other in the order of the text.
///
/// A writer leaves each attribute as it is; a reader replaces it by what the text says.
protocol AttributeCoder {
  associatedtype Failure: Error

  /// A keyword and an integer.
  mutating func integer(_ keyword: String, _ value: inout Int) throws(Failure)
  /// A keyword and a number.
  mutating func number(_ keyword: String, _ value: inout Double) throws(Failure)
  /// A keyword, if there is one, and a list of integers.
  mutating func list(_ keyword: String?, _ values: inout [Int]) throws(Failure)
  /// A word that is present if the flag is set.
  mutating func flag(_ word: String, _ value: inout Bool) throws(Failure)
  /// One of two words.
  mutating func choice(_ set: String, _ unset: String, _ value: inout Bool) throws(Failure)
  /// The name of a mask, if there is one.
  mutating func mask(_ mask: inout Mask?) throws(Failure)
  /// The elements of a constant.
  mutating func elements(_ literal: inout Literal) throws(Failure)
}

extension Opcode {
  /// Passes every attribute of the text form, apart from the operation's name and the type of its
  /// result, to a coder, and stores what the coder returns. Printing and parsing both use this.
  mutating func code<Coder: AttributeCoder>(with coder: inout Coder) throws(Coder.Failure) {
    switch self {
    case .constant(var literal):
      try coder.elements(&literal)
      self = .constant(literal)
    case .reduce(let reduction, var axis):
      try coder.integer("axis", &axis)
      self = .reduce(reduction, axis: axis)
    case .cumulativeSum(var axis, var reverse):
      try coder.integer("axis", &axis)
      try coder.flag("reverse", &reverse)
      self = .cumulativeSum(axis: axis, reverse: reverse)
    case .transpose(var permutation):
      try coder.list(nil, &permutation)
      self = .transpose(permutation)
    case .slice(var axis, var start, var end):
      try coder.integer("axis", &axis)
      try coder.integer("from", &start)
      try coder.integer("to", &end)
      self = .slice(axis: axis, start: start, end: end)
    case .concatenate(var axis):
      try coder.integer("axis", &axis)
      self = .concatenate(axis: axis)
    case .pad(var axis, var low, var high, var value):
      try coder.integer("axis", &axis)
      try coder.integer("low", &low)
      try coder.integer("high", &high)
      try coder.number("value", &value)
      self = .pad(axis: axis, low: low, high: high, value: value)
    case .gather(var axis, var indices):
      try coder.integer("axis", &axis)
      try coder.list("indices", &indices)
      self = .gather(axis: axis, indices: indices)
    case .scatterAdd(var axis, var indices, var size):
      try coder.integer("axis", &axis)
      try coder.list("indices", &indices)
      try coder.integer("size", &size)
      self = .scatterAdd(axis: axis, indices: indices, size: size)
    case .linear(var mask):
      try coder.mask(&mask)
      self = .linear(mask)
    case .linearWeightGradient(var mask):
      try coder.mask(&mask)
      self = .linearWeightGradient(mask)
    case .triangularSolve(var upper, var unit):
      try coder.choice("upper", "lower", &upper)
      try coder.flag("unit", &unit)
      self = .triangularSolve(upper: upper, unit: unit)
    case .random(let distribution, let type, var stream):
      try coder.integer("stream", &stream)
      self = .random(distribution, type: type, stream: stream)
    case .autoregressiveInverse(var passes):
      try coder.integer("passes", &passes)
      self = .autoregressiveInverse(passes: passes)
    case .odeSolve(let control, var isRecorded):
      var (atol, rtol, steps) = (control.atol, control.rtol, control.steps)
      try coder.number("atol", &atol)
      try coder.number("rtol", &rtol)
      try coder.integer("steps", &steps)
      try coder.flag("recorded", &isRecorded)
      self = .odeSolve(ODEControl(atol: atol, rtol: rtol, steps: steps), isRecorded: isRecorded)
    case .odeAdjoint(var steps):
      try coder.integer("steps", &steps)
      self = .odeAdjoint(steps: steps)
    case .monotoneRoot(var lower, var upper):
      try coder.number("lower", &lower)
      try coder.number("upper", &upper)
      self = .monotoneRoot(lower: lower, upper: upper)
    case .quadrature(var nodes):
      try coder.integer("nodes", &nodes)
      self = .quadrature(nodes: nodes)
    case .unary, .binary, .compare, .select, .convert, .search, .take, .reshape, .broadcast,
      .matmul, .matrixExponential, .cholesky, .rowSum, .rowCount:
      break
    }
  }

  /// The operation with the attributes that the type of its result determines; nil for a constant
  /// whose number of elements is not that of its type.
  func completed(by type: TensorType) -> Opcode? {
    switch self {
    case .constant(let literal):
      let count = literal.type.elementCount
      if count == 1 {
        return .constant(Literal(splat: literal.storage[0], shape: type.shape, dtype: type.dtype))
      }
      guard count == type.elementCount else { return nil }
      return .constant(Literal(literal.values, shape: type.shape, dtype: type.dtype))
    case .convert: return .convert(type.dtype)
    case .reshape: return .reshape(type.shape)
    case .broadcast: return .broadcast(type.shape)
    case .rowCount: return .rowCount(type.dtype)
    case .random(let distribution, _, let stream):
      return .random(distribution, type: type, stream: stream)
    case .unary, .binary, .compare, .select, .reduce, .cumulativeSum, .search, .take, .transpose,
      .slice, .concatenate, .pad, .gather, .scatterAdd, .linear, .linearWeightGradient, .matmul,
      .matrixExponential, .cholesky, .triangularSolve, .rowSum, .autoregressiveInverse, .odeSolve,
      .odeAdjoint, .monotoneRoot, .quadrature:
      return self
    }
  }
}
