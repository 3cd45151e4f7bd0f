import FlowCodegen
import FlowRuntime

/// Log-densities, their gradients, and products of their Hessians with vectors.
public struct LogProbHessianProduct<Scalar: FlowScalar>: Sendable {
  /// The log-density of each row, in nats.
  public let logProb: [Scalar]
  /// Its gradient with respect to the row.
  public let gradient: Rows<Scalar>
  /// The Hessian with respect to the row, times the row's vector.
  public let product: Rows<Scalar>
}

extension CompiledFlow {
  /// The product of each row's vector and the Hessian of the log-density with respect to that row,
  /// `∂²log p(x|c)/∂x² · v`, beside the log-density and its gradient.
  ///
  /// It costs a few gradients, whatever the number of features is. Where a density is piecewise smooth,
  /// as one of networks with ReLU or of splines is, the derivatives are those of the row's piece.
  ///
  /// - Parameters:
  ///   - x: the rows.
  ///   - vectors: a vector for each row.
  ///   - context: one row for each, one that all share, or one for each group of consecutive rows.
  ///   - threads: how many threads to use; one per processor if nil.
  /// - Throws: `RuntimeError` for tables that do not fit, if the function can't be compiled (a flow of an
  ///   ODE has no second derivative here), or if a loaded flow was compiled without it.
  public func logProbHessianProduct(
    _ x: Rows<Scalar>, vectors: Rows<Scalar>, context: Rows<Scalar>? = nil, threads: Int? = nil
  ) throws(RuntimeError) -> LogProbHessianProduct<Scalar> {
    guard vectors.count == x.count, vectors.columns == features else {
      throw .shape(
        argument: "v", found: [vectors.count, vectors.columns], expected: [x.count, features])
    }
    var logProb = [Scalar](repeating: 0, count: x.count)
    var gradient = [Scalar](repeating: 0, count: x.count * features)
    var product = gradient
    try logProb.withUnsafeMutableBufferPointer { (logProb) throws(RuntimeError) in
      try gradient.withUnsafeMutableBufferPointer { (gradient) throws(RuntimeError) in
        try product.withUnsafeMutableBufferPointer { (product) throws(RuntimeError) in
          try vectors.withUnsafeBufferPointer { (v) throws(RuntimeError) in
            try call(
              .logProbHVP, x, vectors: v.baseAddress, context, threads,
              into: [logProb, gradient, product])
          }
        }
      }
    }
    return LogProbHessianProduct(
      logProb: logProb, gradient: Rows(gradient, columns: features),
      product: Rows(product, columns: features))
  }
}
