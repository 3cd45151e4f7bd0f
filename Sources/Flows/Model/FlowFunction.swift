import FlowCodegen

/// The functions of a model: those that compiled flows have, and those of training.
///
/// The intermediate representation, artifacts and the command line call them by the same names.
public enum FlowFunction: Hashable, Sendable, CaseIterable {
  /// A function that compiled flows and artifacts have.
  case compiled(ArtifactFunction)
  /// The mean of -log p over the rows whose density is finite, and the log-density of each row.
  case loss
  /// The loss with its gradients with respect to every parameter, `x` and `context`.
  case gradient
  /// A step of training: the loss, and the parameters and moments after the step.
  case trainingStep

  /// The log-density of each row.
  public static let logProb = compiled(.logProb)
  /// `z = f(x)` and its log|det J|.
  public static let transform = compiled(.transform)
  /// `x = f⁻¹(z)` and its log|det J|.
  public static let inverse = compiled(.inverse)
  /// The log-density of each row and its gradient with respect to the row and its context.
  public static let logProbGradient = compiled(.logProbGradient)
  /// Samples and their log-densities.
  public static let sample = compiled(.sample)
  /// The product of the log-density's Hessian and a vector, for each row.
  public static let logProbHVP = compiled(.logProbHVP)

  /// All functions, those of compiled flows first.
  public static var allCases: [FlowFunction] {
    ArtifactFunction.allCases.map(Self.compiled) + [.loss, .gradient, .trainingStep]
  }

  /// Its name.
  public var name: String {
    switch self {
    case .compiled(let function): function.rawValue
    case .loss: "loss"
    case .gradient: "gradient"
    case .trainingStep: "train_step"
    }
  }

  /// The function of a name; nil if there is none.
  public init?(named name: String) {
    guard let known = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = known
  }

  /// What it reads and gives.
  public var signature: FunctionSignature {
    switch self {
    case .compiled(let function): function.signature
    case .loss: FunctionSignature("x", .init("loss", .uniform), .init("log_prob", .one))
    case .gradient:
      FunctionSignature(
        "x", .init("loss", .uniform), .init("grad.", .parameters), .init("grad.x", .features),
        .init("grad.context", .context))
    case .trainingStep:
      FunctionSignature(
        "x", .init("loss", .uniform), .init("", .parameters), .init("m.", .parameters),
        .init("v.", .parameters))
    }
  }

  /// What it computes.
  public var summary: String {
    switch self {
    case .compiled(let function): function.summary(hasContext: true)
    case .loss: "The mean of -log p over the rows whose density is finite, NaN if there are none."
    case .gradient: "The loss and its gradient with respect to every parameter, x and the context."
    case .trainingStep: "The loss, and the parameters and their moments after a step of Adam."
    }
  }

  /// The function that is traced: for one with derivatives, the one that is differentiated.
  public var primal: FlowFunction {
    switch self {
    case .compiled(.logProb), .compiled(.transform), .compiled(.inverse), .compiled(.sample), .loss:
      self
    case .compiled(.logProbGradient), .compiled(.logProbHVP): .logProb
    case .gradient, .trainingStep: .loss
    }
  }

  /// Whether the function is derived from the one that is traced, by a pass.
  public var isDifferentiated: Bool { primal != self }
}
