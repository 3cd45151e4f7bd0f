/// How a Gaussian mixture writes the covariance of a component.
public enum CovarianceType: String, Sendable, CaseIterable {
  /// A lower triangular factor.
  case full
  /// A variance for each feature.
  case diagonal
  /// One variance for all features.
  case spherical
}

/// The mixture of a Gaussian mixture model, its parameters given by a context or free.
public struct GaussianMixture: LazyDistribution {
  let features: Int
  let components: Int
  let covarianceType: CovarianceType
  let epsilon: Double
  let shapes: [[Int]]
  private let hyper: (any Layer)?
  private let phi: [Parameter]
  private let path: String

  /// Registers the network `hyper` if there is a context, else the parameters `phi.0`, `phi.1`, …:
  /// logits, means, logs of the diagonals and, for full covariances, the entries below the diagonals.
  public init(
    features: Int, context: Int = 0, components: Int = 2,
    covarianceType: CovarianceType = .full, tied: Bool = false, epsilon: Double = 1e-6,
    network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) {
    let shapes = Self.shapes(features, components, covarianceType, tied)
    if context > 0 {
      hyper = network.layer(
        context, shapes.reduce(0) { $0 + $1.reduce(1, *) }, in: scope.child("hyper"))
      phi = []
    } else {
      hyper = nil
      let folder = scope.child("phi")
      phi = shapes.enumerated().map { folder.parameter("\($0)", $1, initializer: .normal()) }
    }
    self.features = features
    self.components = components
    self.covarianceType = covarianceType
    self.epsilon = epsilon
    self.shapes = shapes
    path = scope.path
  }

  /// The shapes of the parameters, as `zuko.mixtures` has them.
  static func shapes(
    _ features: Int, _ components: Int, _ type: CovarianceType, _ tied: Bool
  ) -> [[Int]] {
    let leading = tied ? 1 : components
    let common = [[components], [components, features]]
    switch type {
    case .full: return common + [[leading, features], [leading, Triangle.count(features)]]
    case .diagonal: return common + [[leading, features]]
    case .spherical: return common + [[leading, 1]]
    }
  }

  /// The mixture for a context [C], or that of the free parameters.
  public func callAsFunction(_ context: Tensor?) -> any Distribution {
    guard let hyper else { return mixture(phi.map { $0.count > 0 ? $0.tensor : nil }) }
    guard let context else { preconditionFailure("\(path): this mixture needs a context") }
    return context.trace.inScope(path) {
      let output = hyper(context)
      var start = 0
      return mixture(
        shapes.map { shape in
          let size = shape.reduce(1, *)
          defer { start += size }
          return size > 0 ? output.slice(start, start + size).reshaped(shape) : nil
        })
    }
  }

  private func mixture(_ parameters: [Tensor?]) -> any Distribution {
    guard let logits = parameters[0], let loc = parameters[1], let logDiagonal = parameters[2]
    else {
      preconditionFailure("\(path): a mixture has logits, means and scales")
    }
    let diagonal = exp(logDiagonal) + epsilon
    switch covarianceType {
    case .diagonal, .spherical:
      return Mixture(base: DiagNormalBatch(loc: loc, scale: diagonal), logits: logits)
    case .full:
      let factor = Triangle.lower.matrices(diagonal: diagonal, others: parameters[3])
        .broadcast(to: [components, features, features])
      return Mixture(
        base: MultivariateNormalBatch(loc: loc, scaleTril: factor), logits: logits)
    }
  }
}
