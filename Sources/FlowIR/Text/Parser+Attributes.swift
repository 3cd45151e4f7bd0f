/// Reads the attributes of an operation in the text form.
extension Parser: AttributeCoder {
  typealias Failure = ParseError

  mutating func integer(_ keyword: String, _ value: inout Int) throws(ParseError) {
    try self.keyword(keyword)
    value = try integer()
  }

  mutating func number(_ keyword: String, _ value: inout Double) throws(ParseError) {
    try self.keyword(keyword)
    value = try number()
  }

  mutating func list(_ keyword: String?, _ values: inout [Int]) throws(ParseError) {
    if let keyword { try self.keyword(keyword) }
    values = try list()
  }

  mutating func flag(_ word: String, _ value: inout Bool) throws(ParseError) {
    value = try takeKeyword(word)
  }

  mutating func choice(_ set: String, _ unset: String, _ value: inout Bool) throws(ParseError) {
    value = try takeKeyword(set)
    if !value { try keyword(unset) }
  }

  mutating func mask(_ mask: inout Mask?) throws(ParseError) { mask = try maskReference() }

  mutating func elements(_ literal: inout Literal) throws(ParseError) {
    // The type comes later in the text.
    let values = try numbers()
    literal = Literal(values, shape: [values.count], dtype: .f64)
  }
}
