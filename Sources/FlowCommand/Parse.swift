import ArgumentParser
import FlowFiles

/// Reads numbers from flags: checks them, and names their limits in the message.
///
/// Their options are parsed `.unconditional`, since a number may begin with a minus: otherwise the
/// message about `--seed -1` would be that the value is missing.
enum Parse {
  /// The most rows that a command draws or a step takes.
  static let mostRows = 1_000_000_000_000
  /// The most threads that a call may use.
  static let mostThreads = 1024

  /// A whole number within limits.
  static func integer(
    from lower: Int, to upper: Int
  ) -> @Sendable (String) throws -> Int {
    { text in try checked { () throws(NumberError) in try Checked.integer(text, in: lower...upper) }
    }
  }

  /// The number of context features, for which the name of a file is easily given.
  static func contextCount(_ text: String) throws -> Int {
    guard Double(text) != nil else {
      throw ValidationError(
        "expected the number of context features; the file of contexts is --context-data")
    }
    return try integer(from: 0, to: 100_000)(text)
  }

  /// A finite number within limits.
  static func number(_ limits: NumberLimits) -> @Sendable (String) throws -> Double {
    { text in try checked { () throws(NumberError) in try Checked.number(text, in: limits) } }
  }

  /// A seed of random numbers.
  static func seed(_ text: String) throws -> UInt64 {
    try checked { () throws(NumberError) in try Checked.seed(text) }
  }

  /// A number of bytes, such as 500M or 8G: at least a megabyte.
  static func bytes(_ text: String) throws -> Int {
    let units = ["K": 10, "M": 20, "G": 30, "T": 40]
    let shift = text.last.flatMap { units[$0.uppercased()] }
    let digits = shift == nil ? text : String(text.dropLast())
    guard let number = Double(digits), number > 0, number < 1e12,
      case let bytes = number * Double(1 << (shift ?? 0)), bytes >= Double(1 << 20), bytes < 0x1p60
    else { throw ValidationError("expected a number of bytes from 1M on, such as 500M or 8G") }
    return Int(bytes)
  }

  /// Columns of a table.
  static func columns(_ text: String) throws -> ColumnSelection {
    guard let columns = ColumnSelection(text) else {
      throw ValidationError("expected names or numbers, such as mass,radius or 2-4")
    }
    return columns
  }

  private static func checked<Value>(_ body: () throws(NumberError) -> Value) throws -> Value {
    do {
      return try body()
    } catch {
      throw ValidationError("expected \(error.expected)")
    }
  }
}
