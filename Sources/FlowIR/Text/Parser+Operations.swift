extension Parser {
  mutating func operation(depth: Int) throws(ParseError) -> TensorOperation {
    if depth > Self.maximumDepth { throw error("regions are nested too deeply") }
    var names: [String] = []
    repeat {
      guard case .value(let name) = token else { throw error("expected '%' and a name") }
      names.append(name)
      try advance()
    } while try take(",")
    try expect("=")
    guard case .word(let opcodeName) = token else { throw error("expected an operation") }
    let place = lexer
    guard var prototype = Opcode.prototype(named: opcodeName) else {
      throw place.error("unknown operation '\(opcodeName)'")
    }
    try advance()
    var operands: [Value] = []
    if case .value = token {
      repeat { operands.append(try reference()) } while try take(",")
    }
    try prototype.code(with: &self)
    try expect(":")
    var resultTypes: [TensorType] = []
    repeat { resultTypes.append(try type()) } while try take(",")
    guard resultTypes.count == names.count else {
      throw error("\(names.count) results but \(resultTypes.count) types")
    }
    for type in resultTypes {
      if let problem = budget.takeResult(type.elementCount) {
        throw place.error("a result of type \(type) is too large: \(problem)")
      }
    }
    if try takeKeyword("at") { scope = Scope(try string()) }
    let own = scope
    guard let opcode = prototype.completed(by: resultTypes[0]) else {
      throw place.error("a constant of type \(resultTypes[0]) needs as many elements or one")
    }
    var regions: [Region] = []
    for _ in 0..<opcode.regionCount { regions.append(try region(depth: depth)) }
    scope = own
    let results = try defineAll(names, resultTypes)
    return TensorOperation(
      opcode: opcode, operands: operands, results: results, regions: regions, scope: own)
  }

  mutating func defineAll(
    _ names: [String], _ types: [TensorType]
  ) throws(ParseError) -> [Value] {
    var results: [Value] = []
    for (name, type) in zip(names, types) { results.append(try define(name, type)) }
    return results
  }

  mutating func region(depth: Int) throws(ParseError) -> Region {
    try expect("(")
    var arguments: [Value] = []
    while case .value(let name) = token {
      try advance()
      try expect(":")
      arguments.append(try define(name, try type()))
      if try !take(",") { break }
    }
    try expect(")")
    try expect("{")
    var operations: [TensorOperation] = []
    while token != .word("yield") { operations.append(try operation(depth: depth + 1)) }
    try advance()
    var results: [Value] = []
    repeat { results.append(try reference()) } while try take(",")
    try expect("}")
    return Region(arguments: arguments, operations: operations, results: results)
  }

  /// A list of integers, `[1, 4, 2]` or `[0..7]`.
  mutating func list() throws(ParseError) -> [Int] {
    try expect("[")
    var values: [Int] = []
    while token != .punctuation("]") {
      if !values.isEmpty { try expect(",") }
      let first = try integer()
      if case .word(let word) = token, word.hasPrefix(".."), let last = Int(word.dropFirst(2)) {
        let (distance, overflow) = last.subtractingReportingOverflow(first)
        guard distance >= 0, !overflow else { throw error("[\(first)..\(last)] is not a range") }
        if let problem = budget.takeRange(Size.sum([distance, 1])) {
          throw error("[\(first)..\(last)] is too long: \(problem)")
        }
        try advance()
        values += Array(first...last)
      } else {
        values.append(first)
      }
    }
    try expect("]")
    return values
  }

  /// The payload of a constant: one number or a list.
  mutating func numbers() throws(ParseError) -> [Double] {
    guard try take("[") else { return [try number()] }
    var values: [Double] = []
    while token != .punctuation("]") {
      if !values.isEmpty { try expect(",") }
      values.append(try number())
    }
    try expect("]")
    return values
  }
}
