/// Why a function can't be lowered to a tile program.
public enum CodegenError: Error, Hashable, Sendable, CustomStringConvertible {
  /// An operation on row values has no lowering.
  case unsupported(operation: String, scope: String)
  /// A prefix for an artifact's symbols that can't start a C name.
  case prefix(String)

  /// Lowering made a program that breaks one of its invariants, which is an error in flowir.
  case invalidProgram(function: String, fault: String)

  /// What was wrong, where, and what to do, in one line.
  public var description: String {
    switch self {
    case .unsupported(let operation, let scope):
      "\(operation) at \(scope.isEmpty ? "top level" : scope): this operation can't be compiled "
        + "for row values; express it with reductions, gathers and linear layers"
    case .invalidProgram(let function, let fault):
      "@\(function) was lowered to an invalid tile program (\(fault)); this is an error in flowir: "
        + "please report it with the output of `flowir dump --stage ir`"
    case .prefix(let found):
      "the prefix '\(found)' can't start a C name; expected a letter, then letters, digits and "
        + "underscores, 64 at most"
    }
  }
}
