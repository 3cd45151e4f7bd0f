import FlowIR
import FlowRuntime

/// A model whose parameters have a posterior: independent normal distributions with means and
/// log-variances that are trained instead of the parameters (`zuko.bayesian.BayesianModel`; Blundell et
/// al., "Weight Uncertainty in Neural Networks", 2015, arXiv:1505.05424).
///
/// The base model is registered under `base`, the posterior under `means` and `logvars`, each under
/// the parameter's name with `-` for `.`, as in Zuko. The loss is made for one draw of the parameters:
///
///     let scope = ModuleScope.root()
///     let flow = try BayesianModel(in: scope) { try Flow(description, in: $0) }
///     let loss = trace([.rows("x", 2), .seed()], parametersAreInputs: true) { inputs in
///       let logProb = flow.reparameterize(seed: inputs[1]) { $0(nil).logProb(inputs[0]) }
///       return [("loss", flow.klDivergence() / rows - logProb.mean())]
///     }
public struct BayesianModel<Base> {
  /// The model whose parameters are drawn.
  public let base: Base
  private let posteriors: [Posterior]

  /// Builds the base model and registers a posterior for its trainable parameters.
  ///
  /// - Parameters:
  ///   - scope: where `base`, `means` and `logvars` are registered.
  ///   - initialLogVariance: the initial log-variances, up to random differences of about a thousandth.
  ///   - include: prefixes of the names of parameters to include, within the base model. `*` stands for
  ///     letters, digits and underscores, `**` for these and dots.
  ///   - exclude: prefixes of the names of parameters to leave as they are.
  ///   - base: builds the base model in the scope that it is given.
  /// - Throws: what `base` throws, and `FlowError` for a prefix with other characters.
  public init(
    in scope: ModuleScope, initialLogVariance: Double = -9, include: [String] = [""],
    exclude: [String] = [], base: (ModuleScope) throws -> Base
  ) throws {
    let first = scope.registry.parameters.count
    let inner = scope.child("base")
    self.base = try base(inner)
    let included = try include.map(ParameterPattern.init)
    let excluded = try exclude.map(ParameterPattern.init)
    let chosen = scope.registry.parameters[first...].filter { parameter in
      let name = String(parameter.name.dropFirst(inner.path.count + 1))
      return parameter.isTrainable && included.contains { $0.matches(name) }
        && !excluded.contains { $0.matches(name) }
    }
    let (means, logVariances) = (scope.child("means"), scope.child("logvars"))
    func key(_ parameter: Parameter) -> String {
      String(parameter.name.dropFirst(inner.path.count + 1).map { $0 == "." ? "-" : $0 })
    }
    let meanParameters = chosen.map {
      means.parameter(key($0), $0.shape, initializer: $0.initializer)
    }
    let logVarianceParameters = chosen.map {
      logVariances.parameter(
        key($0), $0.shape, initializer: .normal(mean: initialLogVariance, deviation: 1e-3))
    }
    posteriors = zip(chosen, zip(meanParameters, logVarianceParameters)).map {
      Posterior(parameter: $0, mean: $1.0, logVariance: $1.1)
    }
  }

  /// Runs a closure of the trace with the base model's parameters drawn from the posterior.
  ///
  /// Throughout the closure the draw is the same: the same inputs give the same results.
  ///
  /// - Parameters:
  ///   - seed: the seed of the draw (2 x i32).
  ///   - localTrick: whether the outputs of linear layers are drawn, for each row on its own, instead
  ///     of their weights: the same distribution with gradients of less variance (Kingma et al.,
  ///     "Variational Dropout and the Local Reparameterization Trick", 2015, arXiv:1506.02557).
  ///   - body: the closure, given the base model.
  public func reparameterize<Output>(
    seed: Tensor, localTrick: Bool = false, _ body: (Base) throws -> Output
  ) rethrows -> Output {
    let trace = seed.trace
    let moments = posteriors.map(\.moments)
    let layers = localTrick ? LayerNoise(posteriors, moments, seed: seed) : nil
    var drawn: [String: Tensor] = [:]
    for (posterior, (mean, logVariance)) in zip(posteriors, moments) {
      let noise = trace.sharedRandom(.normal, shape: posterior.parameter.shape, seed: seed)
      drawn[posterior.parameter.name] = mean + exp(logVariance / 2) * noise
    }
    let rule = layers.map { layers -> Trace.LinearRule in
      { layers.output(of: $0, weight: $1, bias: $2, mask: $3) }
    }
    return try trace.replacing(drawn, linear: rule) { try body(base) }
  }

  /// The Kullback-Leibler divergence from a normal prior with mean 0 and the given variance, in nats:
  /// `½ Σ (σ² + μ²) / v + log v - log σ² - 1`.
  public func klDivergence(priorVariance: Double = 1) -> Tensor {
    guard let trace = Trace.current else {
      preconditionFailure("a divergence is made within a trace")
    }
    let constant = logOf(priorVariance) - 1
    return posteriors.reduce(trace.constant(0)) { sum, posterior in
      let (mean, logVariance) = posterior.moments
      let spread = (exp(logVariance) + square(mean)) / priorVariance
      return sum + 0.5 * (spread - logVariance + constant).sumOfElements()
    }
  }

  /// Values of the model's parameters with those of the base model drawn from the posterior: what
  /// functions of `base` alone are called with.
  public func sampled(
    from values: [String: HostArray], seed: UInt64
  ) -> [String: HostArray] {
    var generator = SeededGenerator(seed: seed)
    var drawn = values
    for posterior in posteriors {
      guard let mean = values[posterior.mean.name],
        let logVariance = values[posterior.logVariance.name]
      else { continue }
      let numbers = zip(mean.doubles, logVariance.doubles).map { mean, value in
        let clipped =
          value / (1 + (value / Posterior.bound) * (value / Posterior.bound)).squareRoot()
        return Float(mean + expOf(clipped / 2) * generator.normal())
      }
      drawn[posterior.parameter.name] = HostArray(numbers, shape: mean.shape)
    }
    return drawn
  }
}

/// The distribution of one parameter.
struct Posterior {
  let parameter: Parameter
  let mean: Parameter
  let logVariance: Parameter
  /// Log-variances are clipped softly to this on both sides.
  static let bound = 18.0

  /// The mean and the clipped log-variance in the function being traced.
  var moments: (mean: Tensor, logVariance: Tensor) {
    let value = logVariance.tensor
    return (mean.tensor, value / sqrt(1 + square(value / Self.bound)))
  }
}

/// Draws of the outputs of linear layers: normal, since they are sums of normal numbers.
struct LayerNoise {
  private var moments: [String: (mean: Tensor, variance: Tensor)] = [:]
  /// Noise of an output of each matrix: one a row, and one for all rows.
  private var noise: [String: (row: Tensor, shared: Tensor)] = [:]
  private let seed: Tensor

  init(
    _ posteriors: [Posterior], _ values: [(mean: Tensor, logVariance: Tensor)], seed: Tensor
  ) {
    self.seed = seed
    for (posterior, (mean, logVariance)) in zip(posteriors, values) {
      let parameter = posterior.parameter
      moments[parameter.name] = (mean, exp(logVariance))
      // Drawn here, not where it is used, so that a region may use it too.
      if parameter.shape.count == 2 {
        let shape = [parameter.shape[0]]
        noise[parameter.name] = (
          seed.trace.random(.normal, shape: shape, seed: seed),
          seed.trace.sharedRandom(.normal, shape: shape, seed: seed)
        )
      }
    }
  }

  /// The output of a layer; nil if its weight is not random.
  func output(of x: Tensor, weight: Parameter, bias: Parameter?, mask: Mask?) -> Tensor? {
    guard let (mean, variance) = moments[weight.name], let known = noise[weight.name] else {
      return nil
    }
    let biasMoments = bias.flatMap { moments[$0.name] }
    let y = x.linear(mean, bias: biasMoments?.mean ?? bias?.tensor, mask: mask)
    let spread = square(x).linear(variance, bias: biasMoments?.variance, mask: mask)
    let isVector = x.shape.count == 1
    let draw =
      isVector
      ? (x.hasRows ? known.row : known.shared)
      : seed.trace.random(.normal, shape: y.shape, seed: seed)
    // An output without inputs has variance 0, where the square root is not differentiable.
    return y + sqrt(maximum(spread, 1e-30)) * draw
  }
}

/// A prefix of parameter names with wildcards, as in Zuko.
private struct ParameterPattern {
  private let expression: Regex<AnyRegexOutput>

  init(_ prefix: String) throws {
    guard prefix.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_.*".contains($0)) })
    else {
      throw FlowError.invalid(
        place: "prefix", found: "\"\(prefix)\"",
        expected: "letters, digits, '_', '.' and the wildcards '*' and '**'")
    }
    let escaped = prefix.replacing(".", with: "\\.").replacing("**", with: "[\\w\\.]+")
    // Only single stars remain here: the replacement above contains none.
    expression = try Regex(escaped.replacing("*", with: "\\w+") + ".*")
  }

  func matches(_ name: String) -> Bool { name.wholeMatch(of: expression) != nil }
}
