import FlowIR
import FlowRuntime

/// Trains parameters by gradient descent on a loss; each step is one call of compiled code.
///
/// Parameters and moments stay in two sets of memory that take turns as the step's arguments and
/// results, so that a step copies nothing.
public final class Trainer {
  /// How many steps have been made.
  public private(set) var steps = 0
  /// The trainable parameters.
  public let parameters: [Parameter]
  private let optimizer: AdamW
  private let bound: BoundFunction
  /// For each argument that is a parameter or moment, its memory now.
  private var current: [String: FloatBuffer] = [:]
  /// Where the next step writes it.
  private var next: [String: FloatBuffer] = [:]
  private let loss = FloatBuffer(count: 1)

  /// Compiles the step for a loss function whose parameters are inputs (`parametersAreInputs`).
  ///
  /// - Throws: `GradientError` or `RuntimeError`.
  public init(
    loss function: Function, parameters: [Parameter], values: [String: HostArray],
    optimizer: AdamW = AdamW()
  ) throws {
    let used = Set(function.arguments.map(\.name))
    self.parameters = parameters.filter { $0.isTrainable && used.contains($0.name) }
    self.optimizer = optimizer
    let step = try trainingStep(
      loss: function, parameters: self.parameters, optimizer: optimizer)
    bound = try CompiledFunction(step).bind()
    for parameter in parameters where used.contains(parameter.name) {
      guard let array = values[parameter.name] else {
        throw RuntimeError.missingArgument(parameter.name)
      }
      current[parameter.name] = FloatBuffer(array.floats)
    }
    for parameter in self.parameters {
      next[parameter.name] = FloatBuffer(count: parameter.count)
      for prefix in ["m.", "v."] {
        current[prefix + parameter.name] = FloatBuffer(count: parameter.count)
        next[prefix + parameter.name] = FloatBuffer(count: parameter.count)
      }
    }
  }

  /// The parameters and the two moments, by name (`NAME`, `m.NAME`, `v.NAME`).
  public var state: [String: [Float]] { current.mapValues(\.values) }

  /// Goes back to a saved state.
  public func restore(_ state: [String: [Float]], steps: Int) {
    for (name, values) in state { current[name] = FloatBuffer(values) }
    self.steps = steps
  }

  /// The values of the parameters now.
  public var values: [String: HostArray] {
    var result: [String: HostArray] = [:]
    for parameter in parameters {
      if let buffer = current[parameter.name] {
        result[parameter.name] = HostArray(buffer.values, shape: parameter.shape)
      }
    }
    return result
  }

  /// Makes one step on a batch; `inputs` are the loss's other arguments, row-major. Gives the loss.
  ///
  /// - Throws: `RuntimeError` if an input is missing or memory runs out.
  @discardableResult
  public func step(
    _ inputs: [String: [Float]], rows: Int, learningRate: Double, threads: Int? = nil
  ) throws -> Float {
    let t = Double(steps + 1)
    var given = inputs.mapValues { FloatBuffer($0) }
    given["learning_rate"] = FloatBuffer([Float(learningRate)])
    given["correction1"] = FloatBuffer([Float(1 - power(optimizer.beta1, t))])
    given["correction2"] = FloatBuffer([Float(1 - power(optimizer.beta2, t))])
    let function = bound.compiled.function
    var arguments: [UnsafeRawPointer?] = []
    for argument in function.arguments {
      guard let buffer = current[argument.name] ?? given[argument.name] else {
        throw RuntimeError.missingArgument(argument.name)
      }
      let type = function.type(of: argument.value)
      let count = (type.hasRows ? rows : 1) * type.elementCount
      guard buffer.count >= count else {
        throw RuntimeError.shape(argument: argument.name, found: [buffer.count], expected: [count])
      }
      arguments.append(UnsafeRawPointer(buffer.pointer))
    }
    let results = function.results.map { result in
      UnsafeMutableRawPointer((next[result.name] ?? loss).pointer)
    }
    try bound.call(arguments: arguments, results: results, rows: rows, threads: threads)
    withExtendedLifetime(given) {}
    for (name, written) in next { (current[name], next[name]) = (written, current[name]) }
    steps += 1
    return loss.pointer[0]
  }
}

/// Memory for floats that stays where it is.
private final class FloatBuffer {
  let pointer: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    self.count = count
    pointer = .allocate(capacity: max(count, 1))
    pointer.initialize(repeating: 0, count: max(count, 1))
  }

  convenience init(_ values: [Float]) {
    self.init(count: values.count)
    pointer.update(from: values, count: values.count)
  }

  deinit { pointer.deallocate() }

  var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
