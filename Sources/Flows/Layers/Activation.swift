/// The pointwise functions between linear layers, with the default arguments of torch.nn.
public enum Activation: String, Sendable, CaseIterable {
  /// `max(0, x)`.
  case relu = "ReLU"
  /// `x` above 0, `exp(x) - 1` below.
  case elu = "ELU"
  /// `tanh(x)`.
  case tanh = "Tanh"
  /// `x / (1 + exp(-x))`.
  case silu = "SiLU"
  /// `x Φ(x)`, with the distribution function of the normal distribution.
  case gelu = "GELU"
  /// `x` above 0, `x / 100` below.
  case leakyReLU = "LeakyReLU"
  /// `log(1 + exp(x))`.
  case softplus = "Softplus"
  /// `1 / (1 + exp(-x))`.
  case sigmoid = "Sigmoid"

  /// Applies the function.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .relu: Flows.relu(x)
    case .elu: Flows.elu(x)
    case .tanh: Flows.tanh(x)
    case .silu: x * Flows.sigmoid(x)
    case .gelu: 0.5 * x * (1 + erf(x * 0.7071067811865476))
    case .leakyReLU: select(x .> 0, x, 0.01 * x)
    // torch returns x itself above 20, where the difference is below float32's resolution.
    case .softplus: select(x .> 20, x, Flows.softplus(x))
    case .sigmoid: Flows.sigmoid(x)
    }
  }
}
