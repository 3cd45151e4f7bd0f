import FlowIR
import FlowPasses

/// Adam with decoupled weight decay (Kingma and Ba, arXiv:1412.6980; Loshchilov and Hutter,
/// arXiv:1711.05101), with PyTorch's arithmetic.
///
/// A moment that is no normal number of the float type, below 1.2e-38 in float32, becomes 0: that moves no
/// parameter, and arithmetic with such numbers takes many times as long on some processors. The first moment of a
/// parameter whose gradient stays 0 is there after about 800 steps, and would stay there.
public struct AdamW: Sendable, Hashable {
  /// The decay rate of the first moment.
  public var beta1 = 0.9
  /// The decay rate of the second moment.
  public var beta2 = 0.999
  /// Added to the square root of the second moment.
  public var epsilon = 1e-8
  /// Decoupled weight decay: each step subtracts this times the learning rate times the parameter. 0 is
  /// plain Adam.
  public var weightDecay = 0.0
  /// The largest norm of the gradient over all parameters; larger gradients are scaled down to it.
  public var clipNorm: Double?

  /// Makes an optimizer with PyTorch's defaults, without weight decay.
  public init() {}
}

/// A training step as one function: forward, backward and the optimizer's update.
///
/// Arguments: those of the loss function, `m.NAME` and `v.NAME` for the moments, and the uniform
/// scalars `learning_rate`, `step_size` (the rate divided by 1 - beta1^t) and `root_factor`
/// (1 / sqrt(1 - beta2^t)), with which an update needs only one division. Results: `loss`, then for each
/// parameter `NAME`, `m.NAME` and `v.NAME`. Masked matrices and their moments are vectors of the entries
/// that `keptEntries` names.
///
/// - Throws: `GradientError` if the loss is not a uniform scalar named `loss`.
func trainingStep(
  loss function: TracedFunction, parameters: [Parameter], optimizer: AdamW
) throws -> CompactedFunction {
  let names = parameters.map(\.name)
  // Only bare weight gradients can be compacted, so that factors are taken out at the end, as values are
  // chosen then that are computed again.
  let passes = Pipeline.cleanup.filter { ![lateFactors.name, recompute.name].contains($0.name) }
  let compact = try compactingParameters(
    of: function.gradient(of: "loss", withRespectTo: names, passes: passes).function)
  let both = compact.function
  let builder = FunctionBuilder(name: "train_step")
  var map: [Value: Value] = [:]
  builder.copyArguments(of: both, into: &map)
  let dtype = both.types.first { $0.dtype.isFloat }?.dtype ?? .f32
  let scalars = ["learning_rate", "step_size", "root_factor"].map {
    builder.argument($0, .uniform([], dtype))
  }
  let arguments = Dictionary(
    uniqueKeysWithValues: both.arguments.map { ($0.name, map[$0.value] ?? $0.value) })
  let moments = try names.map { name in
    guard let parameter = arguments[name] else { throw GradientError.noArgument(name) }
    return ["m.", "v."].map { builder.argument($0 + name, builder.type(of: parameter)) }
  }
  for operation in both.operations { try builder.copy(operation, of: both, mapping: &map) }
  let values = both.results.map { map[$0.value] ?? $0.value }
  builder.scope = Scope("optimizer")
  let update = AdamUpdate(builder: builder, optimizer: optimizer, scalars: scalars)
  let gradients = try update.clipped(Array(values.dropFirst()))
  var results = [FunctionResult(name: "loss", value: values[0])]
  for (index, name) in names.enumerated() {
    guard let parameter = arguments[name] else { continue }
    let new = try update.apply(
      parameter, gradients[index], m: moments[index][0], v: moments[index][1])
    for (prefix, value) in zip(["", "m.", "v."], new) {
      results.append(FunctionResult(name: prefix + name, value: value))
    }
  }
  var step = compact
  step.function = try Pipeline.run(Pipeline.cleanup, on: builder.finish(results: results))
  return step
}

private struct AdamUpdate {
  let builder: FunctionBuilder
  let optimizer: AdamW
  let scalars: [Value]

  private func binary(_ operation: BinaryOperator, _ a: Value, _ b: Value) throws -> Value {
    let shape = builder.type(of: a).shape
    let other =
      builder.type(of: b).shape == shape ? b : try builder.emit(.broadcast(shape), b)
    return try builder.emit(.binary(operation), a, other)
  }

  private func scaled(_ a: Value, _ factor: Double) throws -> Value {
    let type = builder.type(of: a)
    return try binary(
      .multiply, a, builder.splat(factor, shape: type.shape, dtype: type.dtype))
  }

  /// The gradients, scaled so that their joint norm is at most the limit.
  func clipped(_ gradients: [Value]) throws -> [Value] {
    guard let limit = optimizer.clipNorm else { return gradients }
    var total: Value?
    for gradient in gradients {
      let type = builder.type(of: gradient)
      let flat = try builder.emit(.reshape([type.elementCount]), gradient)
      let sum = try builder.emit(
        .reduce(.sum, axis: 0), try builder.emit(.unary(.square), flat))
      total = try total.map { try binary(.add, $0, sum) } ?? sum
    }
    guard let total else { return gradients }
    let dtype = builder.type(of: total).dtype
    let norm = try builder.emit(.unary(.sqrt), total)
    let safe = try binary(.add, norm, builder.splat(1e-6, shape: [], dtype: dtype))
    let ratio = try binary(.divide, builder.splat(limit, shape: [], dtype: dtype), safe)
    let factor = try binary(.minimum, ratio, builder.splat(1, shape: [], dtype: dtype))
    return try gradients.map { try binary(.multiply, $0, factor) }
  }

  /// A moment, or 0 where it is smaller than the least normal number.
  private func normal(_ moment: Value, isPositive: Bool) throws -> Value {
    let type = builder.type(of: moment)
    func all(_ value: Double) -> Value {
      builder.splat(value, shape: type.shape, dtype: type.dtype)
    }
    let size = isPositive ? moment : try builder.emit(.unary(.absolute), moment)
    let isSmall = try builder.emit(.compare(.less), size, all(type.dtype.leastNormal))
    return try builder.emit(.select, isSmall, all(0), moment)
  }

  /// The new parameter and moments.
  func apply(_ parameter: Value, _ gradient: Value, m: Value, v: Value) throws -> [Value] {
    let newM = try normal(
      binary(.add, try scaled(m, optimizer.beta1), try scaled(gradient, 1 - optimizer.beta1)),
      isPositive: false)
    let square = try builder.emit(.unary(.square), gradient)
    let newV = try normal(
      binary(.add, try scaled(v, optimizer.beta2), try scaled(square, 1 - optimizer.beta2)),
      isPositive: true)
    let (rate, stepSize, rootFactor) = (scalars[0], scalars[1], scalars[2])
    let root = try binary(.multiply, try builder.emit(.unary(.sqrt), newV), rootFactor)
    let type = builder.type(of: root)
    let denominator = try binary(
      .add, root, builder.splat(optimizer.epsilon, shape: type.shape, dtype: type.dtype))
    let direction = try binary(.divide, newM, denominator)
    var kept = parameter
    if optimizer.weightDecay != 0 {
      let decay = try scaled(rate, optimizer.weightDecay)
      kept = try binary(.subtract, parameter, try binary(.multiply, parameter, decay))
    }
    let new = try binary(.subtract, kept, try binary(.multiply, direction, stepSize))
    return [new, newM, newV]
  }
}
