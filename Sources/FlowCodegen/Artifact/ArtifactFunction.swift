/// The functions that a compiled artifact can have, by the names of its C interface.
public enum ArtifactFunction: String, CaseIterable, Hashable, Sendable {
  /// The log-density of each row.
  case logProb = "log_prob"
  /// `z = f(x)` and its log|det J|.
  case transform
  /// `x = f⁻¹(z)` and its log|det J|.
  case inverse
  /// The log-density of each row and its gradient with respect to the row and its context.
  case logProbGradient = "log_prob_gradient"
  /// Samples and their log-densities.
  case sample
}

/// One function of an artifact for one way of giving the context.
public struct ArtifactVariant {
  /// The function of the interface that it serves.
  public let kind: ArtifactFunction
  /// Whether all rows share one context.
  public let sharesContext: Bool
  /// The function, its passes run. Its inputs are among `x`, `z`, `context` and `seed`; its results
  /// are row values in the interface's order.
  public let program: TileProgram

  /// Makes a variant.
  public init(_ kind: ArtifactFunction, sharesContext: Bool, program: TileProgram) {
    self.kind = kind
    self.sharesContext = sharesContext
    self.program = program
  }

  /// What its C functions are named after.
  var name: String { "flow_" + kind.rawValue + (sharesContext ? "_shared" : "") }
}

/// An argument of a function of the C interface.
struct InterfaceArgument {
  enum Role {
    /// Rows that are read, with this many numbers each.
    case input(columns: String)
    /// Rows that are written; NULL if they are not wanted, where that is allowed.
    case output(columns: String, isOptional: Bool)
    case context
    case rows
    case contextRows
    case seed
    case firstRow
  }

  let name: String
  let role: Role

  /// The declaration, for a float type of C.
  func declaration(_ real: String) -> String {
    switch role {
    case .input, .context: "const \(real) *\(name)"
    case .output: "\(real) *\(name)"
    case .rows, .contextRows, .firstRow: "int64_t \(name)"
    case .seed: "uint64_t \(name)"
    }
  }
}

extension ArtifactFunction {
  /// The arguments in C, in order.
  var arguments: [InterfaceArgument] {
    func input(_ name: String) -> InterfaceArgument {
      InterfaceArgument(name: name, role: .input(columns: "features"))
    }
    func output(_ name: String, _ columns: String = "1", optional: Bool = false)
      -> InterfaceArgument
    {
      InterfaceArgument(name: name, role: .output(columns: columns, isOptional: optional))
    }
    let context = InterfaceArgument(name: "context", role: .context)
    let rows = InterfaceArgument(name: "rows", role: .rows)
    let contextRows = InterfaceArgument(name: "context_rows", role: .contextRows)
    switch self {
    case .logProb:
      return [input("x"), context, rows, contextRows, output("log_prob")]
    case .transform:
      return [
        input("x"), context, rows, contextRows, output("z", "features"),
        output("ladj", optional: true),
      ]
    case .inverse:
      return [
        input("z"), context, rows, contextRows, output("x", "features"),
        output("ladj", optional: true),
      ]
    case .logProbGradient:
      return [
        input("x"), context, rows, contextRows, output("log_prob"),
        output("grad_x", "features", optional: true),
        output("grad_context", "context", optional: true),
      ]
    case .sample:
      return [
        InterfaceArgument(name: "seed", role: .seed),
        InterfaceArgument(name: "first_row", role: .firstRow), context, rows, contextRows,
        output("x", "features"), output("log_prob", optional: true),
      ]
    }
  }

  /// What the header says of the function, without its arguments.
  func summary(hasContext: Bool) -> String {
    let given = hasContext ? "(x|c)" : "(x)"
    return switch self {
    case .logProb: "log p\(given) of each row, in nats."
    case .transform: "z = f(x), from data to the base, and its log|det dz/dx|."
    case .inverse: "x = f^-1(z), from the base to data, and its log|det dx/dz|."
    case .logProbGradient:
      "log p\(given) of each row and its gradient with respect to that row of x"
        + (hasContext ? " and to its context." : ".")
    case .sample:
      "Samples and their log-densities. Row i of the call is row first_row + i of the sample, and "
        + "a function of the seed and that number alone: parts drawn on their own are those of the "
        + "whole."
    }
  }
}
