/// What a fit makes small.
public enum TrainingObjective: String, Sendable, CaseIterable {
  /// The mean of -log p: maximum likelihood, for any flow.
  case likelihood
  /// The loss of conditional flow matching, for continuous flows: regression of the velocity on straight paths
  /// between rows and samples of the base, without solving an equation.
  case flowMatching = "flow-matching"
}

extension NormalizingFlow {
  /// The continuous transform that ends the flow, and the transforms before it; nil for a flow that does not
  /// end in one.
  private var continuous: (before: ComposedTransform, last: FreeFormJacobianTransform)? {
    func flat(_ transform: any Transform) -> [any Transform] {
      guard let composed = transform as? ComposedTransform else { return [transform] }
      return composed.transforms.flatMap(flat)
    }
    let all = flat(transform)
    guard let last = all.last as? FreeFormJacobianTransform else { return nil }
    return (ComposedTransform(all.dropLast()), last)
  }

  /// The loss of flow matching of each row, a row scalar: the mean over some of its straight paths of the
  /// squared error of the velocity (`FreeFormJacobianTransform.matchingLoss`).
  ///
  /// The paths begin where the transforms before the continuous one take the row, such as in standardized
  /// units, and end in samples of the base; of k paths, the share of path i is uniform in [i/k, (i+1)/k).
  ///
  ///     let trainer = try flow.model.trainer([.rows("x", 2), .seed()]) { inputs in
  ///       try flow.model.flow.normalizingFlow(nil).matchingLoss(inputs[0], seed: inputs[1]).mean()
  ///     }
  ///
  /// - Parameters:
  ///   - x: the row.
  ///   - paths: how many paths each row has.
  ///   - seed: decides the samples and shares.
  /// - Throws: `FlowError` for a flow that does not end in a continuous transform.
  public func matchingLoss(
    _ x: Tensor, paths: Int = 1, seed: Tensor
  ) throws(FlowError) -> Tensor {
    guard let (before, last) = continuous else {
      throw .invalid(
        place: "objective",
        found: "flow matching of a flow that does not end in a continuous transform",
        expected: "CNF, or the objective likelihood")
    }
    let start = before(x)
    let losses = (0..<paths).map { index in
      let z = base.sample(seed: seed)
      let share = seed.trace.random(.uniform, shape: [], seed: seed)
      return last.matchingLoss(start, to: z, at: (share + Double(index)) / Double(paths))
    }
    return losses.dropFirst().reduce(losses[0], +) / Double(paths)
  }
}

extension Model {
  /// How many paths of each row epochs are judged on.
  private static let judgedPaths = 4

  /// The function that epochs are judged by: a number for each row, larger if better. It is the
  /// log-density, or the negative loss of flow matching over four paths.
  func judgement(_ objective: TrainingObjective) throws -> TracedFunction {
    switch objective {
    case .likelihood: return trace(.logProb)
    case .flowMatching:
      return try matching(name: "judgement", paths: Self.judgedPaths, isTraining: false) {
        loss, _ in
        [("judgement", -loss)]
      }
    }
  }

  /// The loss of an objective, a mean over the rows for which it is finite, with parameters as inputs; with
  /// weights, one for each row, it is a weighted mean.
  ///
  /// - Throws: `FlowError` for a flow that the objective is not for.
  func trainingLoss(
    _ objective: TrainingObjective, isWeighted: Bool, frozen: [String]
  ) throws -> TracedFunction {
    switch objective {
    case .likelihood: return trainingLoss(isWeighted: isWeighted)
    case .flowMatching:
      let loss = try matching(name: "loss", paths: 1, isTraining: true, isWeighted: isWeighted) {
        loss, weights in [("loss", loss.meanOfFiniteRows(weights: weights))]
      }
      try checkMatching(frozen: frozen)
      return loss
    }
  }

  private func matching(
    name: String, paths: Int, isTraining: Bool, isWeighted: Bool = false,
    results: (_ loss: Tensor, _ weights: Tensor?) -> [(String, Tensor)]
  ) throws -> TracedFunction {
    var inputs = [Input.rows("x", features)]
    if context > 0 { inputs.append(.rows("context", context)) }
    inputs.append(.seed())
    if isWeighted { inputs.append(.rows(Self.rowWeights)) }
    return try Flows.trace(inputs, name: name, parametersAreInputs: isTraining) { tensors in
      let (x, condition) = (tensors[0], context > 0 ? tensors[1] : nil)
      let loss = try flow.normalizingFlow(condition)
        .matchingLoss(x, paths: paths, seed: tensors[context > 0 ? 2 : 1])
      return results(loss.missing(where: [x, condition]), isWeighted ? tensors.last : nil)
    }
  }

  /// Checks that flow matching trains all that could be trained: it leaves the base and the transforms
  /// before the continuous one as they are.
  ///
  /// - Throws: `FlowError` naming a parameter that it would not train.
  private func checkMatching(frozen: [String]) throws(FlowError) {
    let trace = Trace(name: "fixed")
    let fixed: [Parameter] = trace {
      let context = context > 0 ? trace.rows("context", [context]) : nil
      var (transform, base) = (flow.transform, flow.base)
      var condition = context
      if let embedded = transform as? EmbeddedTransform {
        condition = context.map { embedded.embedding($0) }
        transform = embedded.transform
      }
      if let embedded = base as? EmbeddedDistribution { base = embedded.distribution }
      let known = trace.usedParameters.count
      if let composed = transform as? LazyComposedTransform {
        let x = trace.rows("x", [features])
        _ = ComposedTransform(composed.transforms.dropLast().map { $0(condition) })(x)
      }
      _ = base(condition).sample(seed: trace.uniform("seed", [2], dtype: .i32))
      return Array(trace.usedParameters[known...])
    }
    let bad = fixed.first { parameter in
      parameter.isTrainable
        && !frozen.contains { parameter.name == $0 || parameter.name.hasPrefix($0 + ".") }
    }
    guard let bad else { return }
    throw .invalid(
      place: "objective",
      found:
        "flow matching, which does not train '\(bad.name)' outside of the continuous transform",
      expected: "a fixed base and fixed transforms before it, or the objective likelihood")
  }
}
