/// Why a text is not a module: where (line and column from 1, byte offset from 0) and what was wrong.
public struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The line, from 1.
  public let line: Int
  /// The column in bytes, from 1.
  public let column: Int
  /// The offset in bytes, from 0.
  public let offset: Int
  /// What was wrong.
  public let message: String

  /// What was wrong, where, and what to do, in one line.
  public var description: String { "line \(line), column \(column) (byte \(offset)): \(message)" }
}

/// Cuts text into tokens.
struct Lexer {
  enum Token: Hashable {
    case word(String)
    /// `%name`.
    case value(String)
    /// `@name`.
    case symbol(String)
    case integer(Int)
    case number(Double)
    case string(String)
    case punctuation(Character)
    case end
  }

  private let bytes: [UInt8]
  private(set) var offset = 0
  private var line = 1
  private var lineStart = 0
  /// Where the last token began.
  private(set) var start: (line: Int, column: Int, offset: Int) = (1, 1, 0)

  init(_ text: String) { bytes = Array(text.utf8) }

  func error(_ message: String) -> ParseError {
    ParseError(line: start.line, column: start.column, offset: start.offset, message: message)
  }

  private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func skip() {
    while let byte = peek {
      if byte == 0x0a {
        offset += 1
        line += 1
        lineStart = offset
      } else if byte == 0x20 || byte == 0x09 || byte == 0x0d {
        offset += 1
      } else if byte == UInt8(ascii: "/"), offset + 1 < bytes.count,
        bytes[offset + 1] == UInt8(ascii: "/")
      {
        while let next = peek, next != 0x0a { offset += 1 }
      } else {
        return
      }
    }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  private mutating func word() -> String {
    let begin = offset
    while let byte = peek, Self.isWord(byte) { offset += 1 }
    return String(decoding: bytes[begin..<offset], as: UTF8.self)
  }

  mutating func next() throws(ParseError) -> Token {
    skip()
    start = (line, offset - lineStart + 1, offset)
    guard let byte = peek else { return .end }
    switch byte {
    case UInt8(ascii: "%"), UInt8(ascii: "@"):
      offset += 1
      let name = word()
      if name.isEmpty { throw error("expected a name") }
      return byte == UInt8(ascii: "%") ? .value(name) : .symbol(name)
    case UInt8(ascii: "\""): return try string()
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case _ where Self.isWord(byte):
      let text = word()
      if text == "inf" { return .number(.infinity) }
      if text == "nan" { return .number(.nan) }
      return .word(text)
    default:
      offset += 1
      guard byte < 0x80 else { throw error("unexpected character") }
      return .punctuation(Character(Unicode.Scalar(byte)))
    }
  }

  private mutating func string() throws(ParseError) -> Token {
    offset += 1
    var text: [UInt8] = []
    while let byte = peek {
      offset += 1
      if byte == UInt8(ascii: "\"") { return .string(String(decoding: text, as: UTF8.self)) }
      if byte == 0x0a { break }
      if byte == UInt8(ascii: "\\") {
        guard let escaped = peek else { break }
        offset += 1
        switch escaped {
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(escaped)
        default: throw error("unknown escape in a string")
        }
      } else {
        text.append(byte)
      }
    }
    throw error("the string does not end on its line")
  }

  private mutating func number() throws(ParseError) -> Token {
    let begin = offset
    if peek == UInt8(ascii: "-") { offset += 1 }
    if bytes[offset...].starts(with: "inf".utf8) {
      offset += 3
      return .number(-.infinity)
    }
    func digits() {
      while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
    }
    digits()
    var isInteger = true
    let isRange = bytes[offset...].starts(with: "..".utf8)
    if peek == UInt8(ascii: "."), !isRange {
      isInteger = false
      offset += 1
      digits()
    }
    if let byte = peek, byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
      isInteger = false
      offset += 1
      if let sign = peek, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { offset += 1 }
      digits()
    }
    let text = String(decoding: bytes[begin..<offset], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text) else { throw error("'\(text)' is not a number") }
    return .number(value)
  }
}
