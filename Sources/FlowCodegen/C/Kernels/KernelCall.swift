/// A call of a C kernel.
///
/// Each kernel that generated code calls is described once, as a function in this folder: its name,
/// and its parameters under the names that they have in C. `KernelCallTests` compares them with the
/// headers.
struct KernelCall {
  /// The name in C.
  let name: String
  /// The parameters' names in C with their arguments, in order.
  let arguments: [(parameter: String, text: String)]

  init(_ name: String, _ arguments: KeyValuePairs<String, any CArgument>) {
    self.name = name
    self.arguments = arguments.map { ($0.key, $0.value.text) }
  }

  /// The call as an expression.
  var expression: String { "\(name)(\(arguments.map(\.text).joined(separator: ", ")))" }

  /// The call as a statement.
  var statement: String { expression + ";" }
}

/// What may be passed to a kernel: an expression in C, a whole number or a truth value.
protocol CArgument {
  var text: String { get }
}

extension String: CArgument {
  var text: String { self }
}

extension Int: CArgument {
  var text: String { "\(self)" }
}

extension Bool: CArgument {
  var text: String { self ? "1" : "0" }
}

/// The C variables that generated code has at hand, by what they are.
enum CVariable {
  /// The rows of the tile that hold data.
  static let valid = "valid"
  /// The rows of the tile that are computed.
  static let width = "width"
  /// Whether sums go on from what a slot holds.
  static let accumulate = "accumulate"
  /// The stage of a step of an ODE.
  static let stage = "stage"
  /// A pointer that is not given, or a list that is the identity.
  static let none = "0"
}

/// Some items of a node, as kernels take them: from one to another of a list, or of all in order.
struct CItems {
  let begin: String
  let end: String
  /// The table, or `CVariable.none`.
  let items: String
}

/// Some elements of a value, as kernels take them.
enum CRange {
  static let begin = "begin"
  static let end = "end"
}
