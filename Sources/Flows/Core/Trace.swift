import FlowIR

/// A function being recorded. Operations on its tensors are appended to it.
///
/// Only the task that records a trace may use it.
public final class Trace: @unchecked Sendable {
  /// The trace that parameters of modules are read into.
  @TaskLocal public static var current: Trace?

  /// The builder of the function, for regions and for operations that `Tensor` has no function for.
  public let builder: FunctionBuilder
  /// The float type of the function.
  public let dtype: DType
  /// Whether parameters are inputs of each call (in training) instead of being packed once.
  let parametersAreInputs: Bool
  private var parameters: [String: Tensor] = [:]
  private(set) var usedParameters: [Parameter] = []
  private var streams = 0
  /// Computes the output of a linear layer from its input, weight, bias and mask, or returns nil to use
  /// `x Wᵀ + b`.
  public typealias LinearRule = (Tensor, Parameter, Parameter?, Mask?) -> Tensor?
  /// The tensors that replace parameters at this point of the trace, by name.
  private var substitutes: [String: Tensor] = [:]
  /// The function that replaces the products of linear layers at this point of the trace.
  public private(set) var linearRule: LinearRule?

  /// Where normalising layers take statistics from, instead of their tensors; nil for those.
  var statistics: BatchStatistics?

  /// Whether the function is the loss of a training step, to which an estimate may add random numbers of its own.
  var drawsInSteps = false
  private var drawnSeed: Tensor?

  /// Starts recording a function.
  public init(name: String, dtype: DType = .f32, parametersAreInputs: Bool = false) {
    builder = FunctionBuilder(name: name)
    self.dtype = dtype
    self.parametersAreInputs = parametersAreInputs
  }

  /// Makes this trace current while a closure runs.
  public func callAsFunction<Output>(_ body: () throws -> Output) rethrows -> Output {
    try Self.$current.withValue(self, operation: body)
  }

  /// Adds a row argument, `rows x shape`.
  public func rows(_ name: String, _ shape: [Int]) -> Tensor {
    Tensor(self, builder.argument(name, .row(shape, dtype)))
  }

  /// Adds a uniform argument.
  public func uniform(_ name: String, _ shape: [Int], dtype: DType? = nil) -> Tensor {
    Tensor(self, builder.argument(name, .uniform(shape, dtype ?? self.dtype)))
  }

  /// The seed of a training step's random numbers, other ones at each step; nil in functions that give the same
  /// numbers for the same rows. Asking for it makes it an argument of the function.
  public var stepSeed: Tensor? {
    guard drawsInSteps else { return nil }
    if let drawnSeed { return drawnSeed }
    let seed = uniform("step_seed", [2], dtype: .i32)
    drawnSeed = seed
    return seed
  }

  /// The tensor of a module's parameter, an argument of the function under its checkpoint name.
  public func tensor(of parameter: Parameter) -> Tensor {
    if let substitute = substitutes[parameter.name] { return substitute }
    if let known = parameters[parameter.name] { return known }
    let kind: FunctionArgument.Kind = parameter.isTrainable ? .parameter : .buffer
    let value = builder.argument(
      parameter.name, .uniform(parameter.shape, dtype), parametersAreInputs ? .input : kind)
    let tensor = Tensor(self, value)
    parameters[parameter.name] = tensor
    usedParameters.append(parameter)
    return tensor
  }

  /// A constant of a shape, all elements alike.
  public func constant(_ value: Double, shape: [Int] = []) -> Tensor {
    Tensor(self, builder.splat(value, shape: shape, dtype: dtype))
  }

  /// A constant from its elements in row-major order.
  public func constant(_ values: [Double], shape: [Int]) -> Tensor {
    emit(.constant(Literal(values, shape: shape, dtype: dtype)), [])
  }

  /// The number of rows, a uniform scalar.
  public func rowCount() -> Tensor { emit(.rowCount(dtype), []) }

  /// Random numbers, a tensor of `shape` for each row; each call uses its own stream.
  public func random(_ distribution: RandomDistribution, shape: [Int], seed: Tensor) -> Tensor {
    streams += 1
    return emit(.random(distribution, type: .row(shape, dtype), stream: streams - 1), [seed])
  }

  /// Random numbers that all rows share: one tensor of `shape` for each seed.
  public func sharedRandom(
    _ distribution: RandomDistribution, shape: [Int], seed: Tensor
  ) -> Tensor {
    streams += 1
    return emit(.random(distribution, type: .uniform(shape, dtype), stream: streams - 1), [seed])
  }

  /// Runs closures of which each row uses the result of one alone, such as the draws of a mixture's
  /// components. All take the same streams of random numbers, so that equal draws are made once.
  public func alternatives<Input, Output>(
    _ inputs: [Input], _ body: (Input) throws -> Output
  ) rethrows -> [Output] {
    let first = streams
    var last = first
    defer { streams = last }
    return try inputs.map { input in
      streams = first
      defer { last = max(last, streams) }
      return try body(input)
    }
  }

  /// Runs a closure with operations attributed to a part of the model.
  public func inScope<Output>(_ path: String, _ body: () throws -> Output) rethrows -> Output {
    let saved = builder.scope
    builder.scope = Scope(path)
    defer { builder.scope = saved }
    return try body()
  }

  /// Ends the recording.
  public func finish(_ results: [(name: String, tensor: Tensor)]) -> Function {
    builder.finish(results: results.map { FunctionResult(name: $0.name, value: $0.tensor.value) })
  }

  /// Runs a closure in which other tensors replace parameters and another rule computes linear layers.
  /// Weights can so be drawn, averaged or frozen without changing the modules that use them.
  ///
  /// - Parameters:
  ///   - substitutes: tensors by the parameter's name, of its shape.
  ///   - linear: the rule; nil for the one in force.
  ///   - body: the closure.
  public func replacing<Output>(
    _ substitutes: [String: Tensor], linear: LinearRule? = nil, _ body: () throws -> Output
  ) rethrows -> Output {
    let saved = (self.substitutes, linearRule)
    defer { (self.substitutes, linearRule) = saved }
    self.substitutes.merge(substitutes) { $1 }
    linearRule = linear ?? linearRule
    return try body()
  }

  /// Appends an operation of the intermediate representation and gives its first result.
  ///
  /// All functions of tensors are built on this. Operands of wrong types stop the program with the
  /// constraint that they violate.
  public func emit(_ opcode: Opcode, _ operands: [Tensor], regions: [Region] = []) -> Tensor {
    emitAll(opcode, operands, regions: regions)[0]
  }

  /// Appends an operation of the intermediate representation and gives all its results.
  public func emitAll(_ opcode: Opcode, _ operands: [Tensor], regions: [Region] = []) -> [Tensor] {
    do {
      return try builder.append(opcode, operands.map(\.value), regions: regions)
        .map { Tensor(self, $0) }
    } catch {
      preconditionFailure("\(error) in \(builder.scope.path)")
    }
  }
}
