extension Opcode {
  /// The operation's name in the text form, in snake case.
  public var name: String {
    switch self {
    case .constant: "constant"
    case .unary(let operation): operation.rawValue
    case .binary(let operation): operation.rawValue
    case .compare(let comparison): comparison.rawValue
    case .select: "select"
    case .convert: "convert"
    case .reduce(let reduction, _): "reduce_\(reduction.rawValue)"
    case .cumulativeSum: "cumulative_sum"
    case .search: "search"
    case .take: "take"
    case .reshape: "reshape"
    case .broadcast: "broadcast"
    case .transpose: "transpose"
    case .slice: "slice"
    case .concatenate: "concatenate"
    case .pad: "pad"
    case .gather: "gather"
    case .scatterAdd: "scatter_add"
    case .linear: "linear"
    case .linearWeightGradient: "linear_weight_gradient"
    case .matmul: "matmul"
    case .matrixExponential: "matrix_exponential"
    case .cholesky: "cholesky"
    case .triangularSolve: "triangular_solve"
    case .rowSum: "row_sum"
    case .rowCount: "row_count"
    case .random(let distribution, _, _): "random_\(distribution.rawValue)"
    case .autoregressiveInverse: "autoregressive_inverse"
    case .odeSolve: "ode_solve"
    case .odeAdjoint: "ode_adjoint"
    case .monotoneRoot: "monotone_root"
    case .quadrature: "quadrature"
    }
  }
}
