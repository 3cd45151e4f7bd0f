extension Parser {
  mutating func function() throws(ParseError) -> Function {
    types = []
    values = [:]
    scope = Scope()
    let name = try symbol()
    try expect("(")
    var arguments: [FunctionArgument] = []
    var names: Set<String> = []
    var elements = 0
    while token != .punctuation(")") {
      if !arguments.isEmpty { try expect(",") }
      guard case .word(let word) = token, let kind = FunctionArgument.Kind(rawValue: word) else {
        throw error("expected input, parameter or buffer")
      }
      try advance()
      guard case .value(let valueName) = token else { throw error("expected '%' and a name") }
      try advance()
      try expect(":")
      let argumentType = try type()
      elements = Size.sum([elements, argumentType.elementCount])
      let value = try define(valueName, argumentType)
      var argumentName = valueName
      if case .string = token { argumentName = try string() }
      if !names.insert(argumentName).inserted {
        throw error("a second argument named '\(argumentName)'")
      }
      arguments.append(FunctionArgument(name: argumentName, value: value, kind: kind))
    }
    budget.beginFunction(argumentElements: elements)
    try expect(")")
    try expect("{")
    var operations: [TensorOperation] = []
    while token != .word("return") { operations.append(try operation(depth: 0)) }
    try advance()
    var results: [FunctionResult] = []
    repeat {
      let resultName: String
      switch token {
      case .word(let word):
        resultName = word
        try advance()
      default: resultName = try string()
      }
      try expect("=")
      results.append(FunctionResult(name: resultName, value: try reference()))
    } while try take(",")
    try expect("}")
    return Function(
      name: name, arguments: arguments, operations: operations, results: results, types: types)
  }

  mutating func define(_ name: String, _ type: TensorType) throws(ParseError) -> Value {
    if values[name] != nil { throw error("%\(name) is defined twice") }
    types.append(type)
    let value = Value(id: types.count - 1)
    values[name] = value
    return value
  }

  mutating func reference() throws(ParseError) -> Value {
    guard case .value(let name) = token else { throw error("expected a value") }
    guard let value = values[name] else { throw error("%\(name) is not defined") }
    try advance()
    return value
  }

  mutating func type() throws(ParseError) -> TensorType {
    var hasRows = false
    var shape: [Int] = []
    if try takeKeyword("rows") {
      hasRows = true
      try keyword("x")
    }
    while case .integer(let extent) = token {
      shape.append(extent)
      guard extent > 0, Size.product(shape) <= Size.maximumElements,
        shape.count <= Self.maximumRank
      else {
        throw error(
          "a type may have 1 to \(Size.maximumElements) elements and \(Self.maximumRank) axes; "
            + "\(extent) is not a valid extent here")
      }
      try advance()
      try keyword("x")
    }
    guard case .word(let word) = token, let dtype = DType(rawValue: word) else {
      throw error("expected a dtype (f32, f64, i32, bool)")
    }
    try advance()
    return TensorType(hasRows: hasRows, shape: shape, dtype: dtype)
  }
}
