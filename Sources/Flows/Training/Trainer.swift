import FlowIR
import FlowRuntime

/// Trains parameters by gradient descent on a loss; each step is one call of compiled code.
public final class Trainer {
  /// The parameters and the two moments, by name (`NAME`, `m.NAME`, `v.NAME`).
  public private(set) var state: [String: [Float]]
  /// How many steps have been made.
  public internal(set) var steps = 0
  /// The trainable parameters.
  public let parameters: [Parameter]
  private let optimizer: AdamW
  private let bound: BoundFunction
  private let shapes: [String: [Int]]

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
    var state: [String: [Float]] = [:]
    for parameter in parameters where used.contains(parameter.name) {
      state[parameter.name] = values[parameter.name]?.floats ?? []
    }
    for parameter in self.parameters {
      for prefix in ["m.", "v."] {
        state[prefix + parameter.name] = Array(repeating: 0, count: parameter.count)
      }
    }
    self.state = state
    shapes = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.shape) })
  }

  /// Goes back to a saved state.
  public func restore(_ state: [String: [Float]], steps: Int) {
    self.state = state
    self.steps = steps
  }

  /// The values of the parameters now.
  public var values: [String: HostArray] {
    var result: [String: HostArray] = [:]
    for parameter in parameters {
      if let values = state[parameter.name] {
        result[parameter.name] = HostArray(values, shape: parameter.shape)
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
    steps += 1
    let t = Double(steps)
    var all = inputs
    all["learning_rate"] = [Float(learningRate)]
    all["correction1"] = [Float(1 - power(optimizer.beta1, t))]
    all["correction2"] = [Float(1 - power(optimizer.beta2, t))]
    let function = bound.compiled.function
    var held: [[Float]] = []
    for argument in function.arguments {
      guard let values = all[argument.name] ?? state[argument.name] else {
        throw RuntimeError.missingArgument(argument.name)
      }
      let type = function.type(of: argument.value)
      let count = (type.hasRows ? rows : 1) * type.elementCount
      guard values.count >= count else {
        throw RuntimeError.shape(
          argument: argument.name, found: [values.count], expected: [count])
      }
      held.append(values)
    }
    var results = function.results.map {
      [Float](repeating: 0, count: function.type(of: $0.value).elementCount)
    }
    try Self.withPointers(held, &results) { inputs, outputs in
      try bound.call(arguments: inputs, results: outputs, rows: rows, threads: threads)
    }
    for (result, values) in zip(function.results, results).dropFirst() {
      state[result.name] = values
    }
    return results[0][0]
  }

  private static func withPointers(
    _ inputs: [[Float]], _ outputs: inout [[Float]],
    _ body: ([UnsafeRawPointer?], [UnsafeMutableRawPointer?]) throws -> Void
  ) throws {
    let inputMemory = inputs.map { values in
      let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: max(values.count, 1))
      _ = memory.initialize(from: values)
      return memory
    }
    let outputMemory = outputs.map {
      UnsafeMutableBufferPointer<Float>.allocate(capacity: max($0.count, 1))
    }
    defer {
      for memory in inputMemory + outputMemory { memory.deallocate() }
    }
    try body(
      inputMemory.map { UnsafeRawPointer($0.baseAddress) },
      outputMemory.map { UnsafeMutableRawPointer($0.baseAddress) })
    for (index, memory) in outputMemory.enumerated() {
      outputs[index] = Array(memory.prefix(outputs[index].count))
    }
  }
}
