import FlowIR
import FlowPasses
import FlowRuntime

extension Model {
  /// Traces one of the flow's functions, not yet optimized; for one with derivatives, the function that is
  /// differentiated.
  ///
  /// Its arguments are the inputs of its signature and the parameters, under their names. With
  /// `sharedContext` all rows share one context.
  public func trace(
    _ function: FlowFunction, dtype: DType = .f32, sharedContext: Bool = false
  ) -> TracedFunction {
    let primal = function.primal
    let signature = primal.signature
    let trace = Trace(name: primal.name, dtype: dtype)
    let recorded: Function = trace {
      func rows() -> Tensor { trace.rows(signature.input, [features]) }
      func contextTensor() -> Tensor? {
        guard context > 0 else { return nil }
        return sharedContext
          ? trace.uniform("context", [context]) : trace.rows("context", [context])
      }
      /// Ends the function with its results, which are NaN in each row that has a NaN in an input.
      func finish(_ results: Tensor..., from inputs: Tensor?...) -> Function {
        let names = signature.outputs(hasContext: context > 0).map(\.name)
        precondition(names.count == results.count, "\(primal.name) has results \(names)")
        return trace.finish(
          zip(names, results).map { (name: $0, tensor: $1.missing(where: inputs)) })
      }
      switch primal {
      case .compiled(.logProb), .compiled(.logProbGradient), .compiled(.logProbHVP):
        let (x, context) = (rows(), contextTensor())
        return finish(flow(context).logProb(x), from: x, context)
      case .compiled(.sample):
        let seed = trace.uniform(signature.input, [2], dtype: .i32)
        let context = contextTensor()
        let (x, logProb) = flow(context).sampleAndLogProb(seed: seed)
        return finish(x, logProb, from: context)
      case .compiled(.transform):
        let (x, context) = (rows(), contextTensor())
        let (z, ladj) = flow.transform(context).callAndLadj(x)
        return finish(z, rowScalar(ladj, x), from: x, context)
      case .compiled(.inverse):
        let (z, context) = (rows(), contextTensor())
        let (x, ladj) = flow.transform(context).inverseAndLadj(z)
        return finish(x, rowScalar(ladj, z), from: z, context)
      case .loss, .gradient, .trainingStep:
        let (x, context) = (rows(), contextTensor())
        let logProb = flow(context).logProb(x).missing(where: [x, context])
        return finish(-logProb.meanOfFiniteRows(), logProb)
      }
    }
    return TracedFunction(recorded)
  }

  /// A log-determinant as a scalar for each row.
  private func rowScalar(_ ladj: Tensor, _ x: Tensor) -> Tensor {
    let sum = ladj.sumOfElements()
    return sum.hasRows ? sum : sum + x.slice(0, 1).reshaped([]) * 0
  }
}

extension Tensor {
  /// The tensor, but NaN in every row in which one of the inputs has a NaN.
  ///
  /// A flow's arithmetic does not ensure this by itself: a spline, for instance, maps a number outside
  /// its interval to itself, whatever the context is.
  func missing(where inputs: [Tensor?]) -> Tensor {
    inputs.compactMap { $0 }.reduce(self) { result, input in
      let isMissing = isNaN(input.max(axis: 0))
      let isMissingHere =
        result.shape.isEmpty ? isMissing : isMissing.reshaped([1]).broadcast(to: result.shape)
      return select(isMissingHere, result.like(.nan), result)
    }
  }

  /// The tensor with another dtype.
  public func converted(to dtype: DType) -> Tensor { trace.emit(.convert(dtype), [self]) }
}

extension FunctionBuilder {
  /// A derivative of each row's log-density, but NaN in rows whose density is NaN, and 0 where it is infinite: what
  /// the chain rule leaves there may be anything.
  func derivative(_ derivative: Value, of logProb: Value) throws(TypeError) -> Value {
    let type = type(of: derivative)
    func rows(_ test: UnaryOperator) throws(TypeError) -> Value {
      try emit(.broadcast(type.shape), try emit(.unary(test), logProb))
    }
    func all(_ number: Double) -> Value { splat(number, shape: type.shape, dtype: type.dtype) }
    let other = try emit(.select, try rows(.isNaN), all(.nan), all(0))
    return try emit(.select, try rows(.isFinite), derivative, other)
  }
}

extension SeededGenerator {
  /// A standard normal number, by Box and Muller's method.
  public mutating func normal() -> Double {
    let radius = (-2 * logOf(1 - uniform())).squareRoot()
    return radius * cosine(2 * Double.pi * uniform())
  }
}

extension Model {
  /// `loss` and its gradient with respect to every parameter, `x` and `context`, optimized.
  ///
  /// Rows without a finite density contribute neither to the loss nor to the gradients of parameters.
  /// Their own gradients, with respect to `x` and `context`, are NaN where the density is NaN, else 0.
  ///
  /// - Throws: `GradientError` if a derivative rule fails, which is a bug.
  public func gradientFunction(dtype: DType = .f32) throws -> OptimizedFunction {
    let loss = trace(.loss, dtype: dtype)
    let names = loss.function.arguments.filter { $0.kind != .buffer }.map(\.name)
    let both = try loss.gradient(of: "loss", withRespectTo: names).function
    let builder = FunctionBuilder(name: "gradient")
    var map: [Value: Value] = [:]
    builder.copyArguments(of: both, into: &map)
    for operation in both.operations { try builder.copy(operation, of: both, mapping: &map) }
    var results: [FunctionResult] = []
    let values = Dictionary(
      uniqueKeysWithValues: both.results.map { ($0.name, map[$0.value] ?? $0.value) })
    for result in both.results where result.name != "log_prob" {
      guard var value = values[result.name], let logProb = values["log_prob"] else { continue }
      if both.type(of: result.value).hasRows {
        value = try builder.derivative(value, of: logProb)
      }
      results.append(FunctionResult(name: result.name, value: value))
    }
    return try OptimizedFunction(builder.finish(results: results), passes: Pipeline.cleanup)
  }

  /// The step that training compiles: forward, backward and the optimizer's update.
  ///
  /// - Throws: `GradientError` if a derivative rule fails, which is a bug.
  public func trainingStepFunction(optimizer: AdamW = AdamW()) throws -> OptimizedFunction {
    let step = try trainingStep(
      loss: trainingLoss(), parameters: parameters.filter(\.isTrainable), optimizer: optimizer)
    return .withoutPasses(step.function)
  }

  /// The name of the training step's input of weights.
  static let rowWeights = "row_weights"

  /// The mean of -log p over the rows whose density is finite, with parameters as inputs; with weights,
  /// one for each row, it is a weighted mean.
  func trainingLoss(isWeighted: Bool = false) -> TracedFunction {
    var inputs = [Input.rows("x", features)]
    if context > 0 { inputs.append(.rows("context", context)) }
    if isWeighted { inputs.append(.rows(Self.rowWeights)) }
    return Flows.trace(inputs, name: "loss", parametersAreInputs: true) { tensors in
      let context = context > 0 ? tensors[1] : nil
      let weights = isWeighted ? tensors.last : nil
      tensors[0].trace.statistics = BatchStatistics(weights: weights)
      tensors[0].trace.drawsInSteps = true
      let logProb = flow(context).logProb(tensors[0]).missing(where: [tensors[0], context])
      return [("loss", -logProb.meanOfFiniteRows(weights: weights))]
    }
  }
}

/// Compiles a function of a model or other modules and packs their parameters.
///
/// - Throws: `RuntimeError` if there is no compiler.
public func compile(
  _ function: OptimizedFunction, _ model: some ParameterHolder, threads: Int? = nil
) throws(RuntimeError) -> BoundFunction {
  try CompiledFunction(function).bind(model.values, threads: threads)
}

extension Model {
  /// A trainer of the model's parameters on the mean of -log p; `batch` is the number of rows that most steps
  /// have, if it is known.
  ///
  /// - Throws: `GradientError`, `RuntimeError`, or `FlowError` for a frozen name that no parameter has.
  public func trainer(
    optimizer: AdamW = AdamW(), frozen: [String] = [], batch: Int? = nil
  ) throws -> Trainer {
    try trainer(optimizer: optimizer, frozen: frozen, isWeighted: false, batch: batch)
  }

  /// A trainer whose steps also take `row_weights` if rows have weights.
  func trainer(
    optimizer: AdamW, frozen: [String], isWeighted: Bool,
    objective: TrainingObjective = .likelihood, seed: UInt64 = 0, batch: Int?
  ) throws -> Trainer {
    try Trainer(
      loss: trainingLoss(objective, isWeighted: isWeighted, frozen: frozen),
      parameters: parameters, values: values, optimizer: optimizer, frozen: frozen, seed: seed,
      batch: batch)
  }
}
