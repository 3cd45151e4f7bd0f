/// Why a file could not be read or written: the file, what was wrong and where, what to do.
public enum FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The operating system refused.
  case system(path: String, action: String, reason: String)
  /// The bytes are not what the format asks for.
  case malformed(path: String, offset: Int, reason: String)
  /// A kind of array that is not accepted.
  case unsupported(path: String, found: String, expected: String)
  /// A row of a table is wrong; rows and columns count from 1.
  case badRow(path: String, row: Int, reason: String)
  /// Two files do not fit together.
  case mismatch(path: String, found: String, expected: String)
  /// A tensor is not there or not as asked.
  case tensor(path: String, name: String, reason: String)

  /// What was wrong, where, and what to do, in one line.
  public var description: String {
    switch self {
    case .system(let path, let action, let reason): "\(path): can't \(action): \(reason)"
    case .malformed(let path, let offset, let reason): "\(path): byte \(offset): \(reason)"
    case .unsupported(let path, let found, let expected):
      "\(path): found \(found), expected \(expected)"
    case .badRow(let path, let row, let reason): "\(path): row \(row): \(reason)"
    case .mismatch(let path, let found, let expected):
      "\(path): found \(found), expected \(expected)"
    case .tensor(let path, let name, let reason): "\(path): tensor '\(name)': \(reason)"
    }
  }
}
