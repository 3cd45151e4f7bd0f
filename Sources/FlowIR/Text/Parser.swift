extension Module {
  /// Parses the text form.
  ///
  /// - Throws: `ParseError` with the place; no text makes it crash or allocate without bound.
  public init(parsing text: String) throws(ParseError) {
    var parser = try Parser(text)
    self = try parser.module()
  }
}

/// A recursive-descent parser of the text form; `IR/spec.md` gives the grammar.
struct Parser {
  private var lexer: Lexer
  private var token: Lexer.Token
  private var masks: [String: Mask] = [:]
  private var types: [TensorType] = []
  private var values: [String: Value] = [:]
  private var scope = Scope()
  /// Larger shapes are refused, so that a short text can't ask for much memory.
  static let maximumElements = 1 << 28
  static let maximumDepth = 16

  init(_ text: String) throws(ParseError) {
    lexer = Lexer(text)
    token = try lexer.next()
  }

  private mutating func advance() throws(ParseError) { token = try lexer.next() }

  func error(_ message: String) -> ParseError { lexer.error(message) }

  private mutating func expect(_ punctuation: Character) throws(ParseError) {
    guard token == .punctuation(punctuation) else { throw error("expected '\(punctuation)'") }
    try advance()
  }

  private mutating func take(_ punctuation: Character) throws(ParseError) -> Bool {
    guard token == .punctuation(punctuation) else { return false }
    try advance()
    return true
  }

  mutating func keyword(_ word: String) throws(ParseError) {
    guard token == .word(word) else { throw error("expected '\(word)'") }
    try advance()
  }

  mutating func takeKeyword(_ word: String) throws(ParseError) -> Bool {
    guard token == .word(word) else { return false }
    try advance()
    return true
  }

  mutating func integer() throws(ParseError) -> Int {
    guard case .integer(let value) = token else { throw error("expected an integer") }
    guard value.magnitude <= Self.maximumElements else { throw error("\(value) is too large") }
    try advance()
    return value
  }

  mutating func number() throws(ParseError) -> Double {
    switch token {
    case .integer(let value):
      try advance()
      return Double(value)
    case .number(let value):
      try advance()
      return value
    default: throw error("expected a number")
    }
  }

  private mutating func string() throws(ParseError) -> String {
    guard case .string(let text) = token else { throw error("expected a string") }
    try advance()
    return text
  }

  // MARK: - Module

  mutating func module() throws(ParseError) -> Module {
    try keyword("flowir")
    guard try integer() == 1 else { throw error("only version 1 of the text form is known") }
    var module = Module()
    while token != .end {
      if try takeKeyword("mask") {
        try mask()
      } else {
        try keyword("func")
        let function = try function()
        if module.function(named: function.name) != nil {
          throw error("a second function named @\(function.name)")
        }
        module.functions.append(function)
      }
    }
    return module
  }

  private mutating func symbol() throws(ParseError) -> String {
    guard case .symbol(let name) = token else { throw error("expected '@' and a name") }
    try advance()
    return name
  }

  private mutating func mask() throws(ParseError) {
    let name = try symbol()
    try expect("=")
    let rows = try integer()
    try keyword("x")
    let columns = try integer()
    let (total, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard rows > 0, columns > 0, !overflow, total <= Self.maximumElements else {
      throw error("a \(rows) x \(columns) mask is empty or too large")
    }
    guard case .string(let text) = token else { throw error("expected the mask's rows") }
    var bits: [Bool] = []
    for row in text.split(separator: " ") {
      let parts = row.split(separator: "*", omittingEmptySubsequences: false)
      let repeats = parts.count == 2 ? Int(parts[1]) ?? 0 : 1
      var line: [Bool] = []
      var bit = false
      for part in parts[0].split(separator: ",", omittingEmptySubsequences: false) {
        guard let count = Int(part), count >= 0, count <= columns - line.count else {
          throw error("a row of mask @\(name) does not have \(columns) entries")
        }
        line += Array(repeating: bit, count: count)
        bit.toggle()
      }
      guard line.count == columns, parts.count <= 2, repeats > 0,
        repeats <= rows - bits.count / columns
      else { throw error("mask @\(name) does not have \(rows) rows of \(columns) entries") }
      for _ in 0..<repeats { bits += line }
    }
    guard bits.count == total else { throw error("mask @\(name) does not have \(rows) rows") }
    if masks[name] != nil { throw error("a second mask named @\(name)") }
    masks[name] = Mask(rows: rows, columns: columns, bits: bits)
    try advance()
  }

  mutating func maskReference() throws(ParseError) -> Mask? {
    guard try takeKeyword("mask") else { return nil }
    guard case .symbol(let name) = token, let mask = masks[name] else {
      throw error("expected a mask that is defined above")
    }
    try advance()
    return mask
  }

  // MARK: - Functions

  private mutating func function() throws(ParseError) -> Function {
    types = []
    values = [:]
    scope = Scope()
    let name = try symbol()
    try expect("(")
    var arguments: [Argument] = []
    while token != .punctuation(")") {
      if !arguments.isEmpty { try expect(",") }
      guard case .word(let word) = token, let kind = Argument.Kind(rawValue: word) else {
        throw error("expected input, parameter or buffer")
      }
      try advance()
      guard case .value(let valueName) = token else { throw error("expected '%' and a name") }
      try advance()
      try expect(":")
      let value = try define(valueName, try type())
      var argumentName = valueName
      if case .string = token { argumentName = try string() }
      if arguments.contains(where: { $0.name == argumentName }) {
        throw error("a second argument named '\(argumentName)'")
      }
      arguments.append(Argument(name: argumentName, value: value, kind: kind))
    }
    try expect(")")
    try expect("{")
    var operations: [Operation] = []
    while token != .word("return") { operations.append(try operation(depth: 0)) }
    try advance()
    var results: [Result] = []
    repeat {
      let resultName: String
      switch token {
      case .word(let word):
        resultName = word
        try advance()
      default: resultName = try string()
      }
      try expect("=")
      results.append(Result(name: resultName, value: try reference()))
    } while try take(",")
    try expect("}")
    return Function(
      name: name, arguments: arguments, operations: operations, results: results, types: types)
  }

  private mutating func define(_ name: String, _ type: TensorType) throws(ParseError) -> Value {
    if values[name] != nil { throw error("%\(name) is defined twice") }
    types.append(type)
    let value = Value(id: types.count - 1)
    values[name] = value
    return value
  }

  private mutating func reference() throws(ParseError) -> Value {
    guard case .value(let name) = token else { throw error("expected a value") }
    guard let value = values[name] else { throw error("%\(name) is not defined") }
    try advance()
    return value
  }

  private mutating func type() throws(ParseError) -> TensorType {
    var hasRows = false
    var shape: [Int] = []
    var total = 1
    if try takeKeyword("rows") {
      hasRows = true
      try keyword("x")
    }
    while case .integer(let extent) = token {
      let (product, overflow) = total.multipliedReportingOverflow(by: extent)
      guard extent > 0, !overflow, product <= Self.maximumElements, shape.count < 16 else {
        throw error("a dimension of \(extent) is empty or makes the type too large")
      }
      total = product
      shape.append(extent)
      try advance()
      try keyword("x")
    }
    guard case .word(let word) = token, let dtype = DType(rawValue: word) else {
      throw error("expected a dtype (f32, f64, i32, bool)")
    }
    try advance()
    return TensorType(hasRows: hasRows, shape: shape, dtype: dtype)
  }

  // MARK: - Operations

  private mutating func operation(depth: Int) throws(ParseError) -> Operation {
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
    try advance()
    var operands: [Value] = []
    if case .value = token {
      repeat { operands.append(try reference()) } while try take(",")
    }
    let attributes = try AttributeReader(name: opcodeName, parser: &self)
    try expect(":")
    var resultTypes: [TensorType] = []
    repeat { resultTypes.append(try type()) } while try take(",")
    guard resultTypes.count == names.count else {
      throw error("\(names.count) results but \(resultTypes.count) types")
    }
    if try takeKeyword("at") { scope = Scope(try string()) }
    let own = scope
    guard let opcode = attributes.opcode(resultTypes[0]) else {
      throw place.error("unknown operation '\(opcodeName)'")
    }
    var regions: [Region] = []
    if case .autoregressiveInverse = opcode { regions.append(try region(depth: depth)) }
    scope = own
    let results = try defineAll(names, resultTypes)
    return Operation(
      opcode: opcode, operands: operands, results: results, regions: regions, scope: own)
  }

  private mutating func defineAll(
    _ names: [String], _ types: [TensorType]
  ) throws(ParseError) -> [Value] {
    var results: [Value] = []
    for (name, type) in zip(names, types) { results.append(try define(name, type)) }
    return results
  }

  private mutating func region(depth: Int) throws(ParseError) -> Region {
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
    var operations: [Operation] = []
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
        guard last >= first, last - first < Self.maximumElements else {
          throw error("[\(first)..\(last)] is no range")
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
