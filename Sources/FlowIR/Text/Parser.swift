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
  var lexer: Lexer
  var token: Lexer.Token
  var masks: [String: Mask] = [:]
  var types: [TensorType] = []
  var values: [String: Value] = [:]
  var scope = Scope()
  var functionNames: Set<String> = []
  var budget: TextBudget
  static let maximumDepth = 16
  static let maximumRank = 16

  init(_ text: String) throws(ParseError) {
    lexer = Lexer(text)
    budget = TextBudget(bytes: text.utf8.count)
    token = try lexer.next()
  }

  mutating func advance() throws(ParseError) { token = try lexer.next() }

  func error(_ message: String) -> ParseError { lexer.error(message) }

  mutating func expect(_ punctuation: Character) throws(ParseError) {
    guard token == .punctuation(punctuation) else { throw error("expected '\(punctuation)'") }
    try advance()
  }

  mutating func take(_ punctuation: Character) throws(ParseError) -> Bool {
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
    let limit = Size.maximumElements
    guard (-limit...limit).contains(value) else {
      throw error("\(value) is out of range; expected an integer from \(-limit) to \(limit)")
    }
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

  mutating func string() throws(ParseError) -> String {
    guard case .string(let text) = token else { throw error("expected a string") }
    try advance()
    return text
  }
}
