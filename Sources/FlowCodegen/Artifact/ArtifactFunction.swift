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
  /// Samples and their log-densities; with it comes `sample_each`, so many for each of several contexts.
  case sample
  /// The product of the log-density's Hessian and a vector, for each row.
  case logProbHVP = "log_prob_hvp"

  /// The functions that a compiled flow has unless others are asked for: all that every flow has.
  public static let standard: [ArtifactFunction] = [
    .logProb, .transform, .inverse, .logProbGradient, .sample,
  ]

  /// Whether it differentiates, which makes its code longer than that of others.
  var isDerivative: Bool { self == .logProbGradient || self == .logProbHVP }

  /// What it reads and gives.
  public var signature: FunctionSignature {
    switch self {
    case .logProb: FunctionSignature("x", .init("log_prob", .one))
    case .transform:
      FunctionSignature("x", .init("z", .features), .init("ladj", .one, isOptional: true))
    case .inverse:
      FunctionSignature("z", .init("x", .features), .init("ladj", .one, isOptional: true))
    case .logProbGradient:
      FunctionSignature(
        "x", .init("log_prob", .one), .init("grad.x", .features, isOptional: true),
        .init("grad.context", .context, isOptional: true))
    case .sample:
      FunctionSignature("seed", .init("x", .features), .init("log_prob", .one, isOptional: true))
    case .logProbHVP:
      FunctionSignature(
        "x", vectors: "v", .init("log_prob", .one, isOptional: true),
        .init("grad.x", .features, isOptional: true), .init("hvp", .features))
    }
  }

  /// What it computes, without its arguments.
  public func summary(hasContext: Bool) -> String {
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
    case .logProbHVP:
      "The product of a row's vector v and the Hessian of log p\(given) with respect to that row of x, "
        + "which is symmetric, beside log p and its gradient. A flow of an ODE (CNF) has none."
    }
  }
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
    /// Rows of features that are read.
    case input
    /// Rows that are written.
    case output(FunctionSignature.Output)
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
    let inputs: [InterfaceArgument] =
      signature.input == "seed"
      ? [.init(name: "seed", role: .seed), .init(name: "first_row", role: .firstRow)]
      : [.init(name: signature.input, role: .input)]
    let vectors = signature.vectors.map { [InterfaceArgument(name: $0, role: .input)] } ?? []
    let common: [InterfaceArgument] =
      [.init(name: "context", role: .context)] + vectors
      + [.init(name: "rows", role: .rows), .init(name: "context_rows", role: .contextRows)]
    return inputs + common
      + signature.outputs(hasContext: true).map { .init(name: $0.nameInC, role: .output($0)) }
  }

  /// The arguments that receive results, in the order of the function's results.
  func outputs(hasContext: Bool) -> [String] {
    signature.outputs(hasContext: hasContext).map(\.nameInC)
  }
}

extension FunctionSignature.Output {
  /// The name as C can write it: `grad_x` for `grad.x`.
  var nameInC: String { String(name.map { $0 == "." ? "_" : $0 }) }
}
