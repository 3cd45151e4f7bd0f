import FlowCodegen

/// The functions of a model, by the names that Swift, the intermediate representation, artifacts and the
/// command line share.
public enum FlowFunction: String, CaseIterable, Sendable {
  /// `log_prob` of `x`.
  case logProb = "log_prob"
  /// `z` and `ladj` of `x`.
  case transform
  /// `x` and `ladj` of `z`.
  case inverse
  /// `log_prob` of `x`, with its gradients `grad.x` and, where there is one, `grad.context`.
  case logProbGradient = "log_prob_gradient"
  /// `x` and `log_prob` of samples, from `seed`.
  case sample
  /// `loss` = mean of -log p over the rows whose density is finite, NaN if there are none, and the
  /// `log_prob` of each row.
  case loss
  /// `loss` with its gradients with respect to every parameter, `x` and `context`.
  case gradient
  /// A step of training: `loss`, and the parameters and moments after it.
  case trainingStep = "train_step"

  /// The function of the C interface that is compiled from the same program.
  public init(_ function: ArtifactFunction) {
    self =
      switch function {
      case .logProb: .logProb
      case .transform: .transform
      case .inverse: .inverse
      case .logProbGradient: .logProbGradient
      case .sample: .sample
      }
  }

  /// The function that is traced: for one with derivatives, what is differentiated.
  public var primal: FlowFunction {
    switch self {
    case .logProb, .transform, .inverse, .sample, .loss: self
    case .logProbGradient: .logProb
    case .gradient, .trainingStep: .loss
    }
  }

  /// Whether the function is derived from the one that is traced, by a pass.
  public var isDifferentiated: Bool { primal != self }

  /// What the function gives, in a line.
  public var summary: String {
    switch self {
    case .logProb: "log p(x|c) of each row, in nats"
    case .transform: "z = f(x) and log|det dz/dx| of each row"
    case .inverse: "x = f^-1(z) and log|det dx/dz| of each row"
    case .logProbGradient: "log p(x|c) of each row and its gradient with respect to x and c"
    case .sample: "samples and their log-densities"
    case .loss: "the mean of -log p over the rows whose density is finite"
    case .gradient: "the loss and its gradient with respect to parameters, x and c"
    case .trainingStep: "the loss, and parameters and moments after a step of Adam"
    }
  }
}
