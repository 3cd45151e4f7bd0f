/// Why operands do not suit an operation: the label of the constraint in `IR/spec.md`, what was
/// found, what is needed.
public struct TypeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The operation's name in the text form.
  public let operation: String
  /// The constraint's label, such as `C1`.
  public let constraint: String
  /// What was found and what is needed.
  public let message: String

  /// Makes an error.
  public init(operation: String, constraint: String, message: String) {
    self.operation = operation
    self.constraint = constraint
    self.message = message
  }

  /// What was wrong, where, and what to do, in one line.
  public var description: String { "\(operation) (\(constraint)): \(message)" }
}
