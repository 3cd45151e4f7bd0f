/// `f(x) = scale x + shift` with a positive scale, `positive(a + offset) + epsilon`: the affine
/// transforms of nflows.
public struct PositiveAffineTransform: Transform {
  /// The functions that make a scale positive.
  public enum Positive: String, Sendable, CaseIterable {
    /// `log(1 + exp(a))`.
    case softplus = "Softplus"
    /// `1 / (1 + exp(-a))`.
    case sigmoid = "Sigmoid"
    /// `exp(a)`.
    case exp = "Exp"
  }

  private let shift: Tensor
  private let scale: Tensor

  /// Makes the transform from the shift and the unconstrained scale `a`, each with the shape of `x`.
  public init(
    shift: Tensor, scale: Tensor, positive: Positive = .softplus, offset: Double = 0,
    epsilon: Double = 1e-3
  ) {
    self.shift = shift
    let a = offset == 0 ? scale : scale + offset
    let value =
      switch positive {
      case .softplus: softplus(a)
      case .sigmoid: sigmoid(a)
      case .exp: Flows.exp(a)
      }
    self.scale = epsilon == 0 ? value : value + epsilon
  }

  /// `scale x + shift`; log(scale) for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (x * scale + shift, log(scale))
  }

  /// `(y - shift) / scale`; -log(scale) for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    ((y - shift) / scale, -log(scale))
  }
}
