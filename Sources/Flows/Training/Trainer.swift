import FlowIR
import FlowPasses
import FlowRuntime

/// Trains parameters by gradient descent on a loss; each step is one call of compiled code.
///
/// Parameters and moments have two buffers each, on two sides: a step reads one side and writes the other, which
/// the next step reads. What stays where it is, is looked up once, since a step of few rows takes less than a
/// millisecond. Of a masked matrix only the entries inside the mask are trained; the others keep their values. A
/// loss with a seed input gets a new seed at each step.
public final class Trainer {
  /// How many steps have been made.
  public private(set) var steps = 0
  /// The trainable parameters.
  public let parameters: [Parameter]
  private let optimizer: AdamW
  private let bound: BoundFunction
  private var arrays: [TrainedArray] = []
  /// The side that the next step reads: 0 or 1.
  private var side = 0
  /// The arguments of a step that reads a side; those of inputs are not there yet.
  private var arguments: [[UnsafeRawPointer?]] = [[], []]
  /// The results of a step that reads a side.
  private var results: [[UnsafeMutableRawPointer?]] = [[], []]
  private var inputs: [Input] = []
  /// The numbers that change with the step.
  private var scalars: [(scalar: Scalar, buffer: FloatBuffer)] = []
  /// Parameters that are not trained.
  private var fixed: [FloatBuffer] = []
  private var seeds: [FloatBuffer] = []
  private let loss = FloatBuffer(count: 1)
  private let seed: UInt64

  private enum Scalar: String {
    case learningRate = "learning_rate"
    case stepSize = "step_size"
    case rootFactor = "root_factor"
  }

  /// An argument that each step is given, and the memory that it is copied to.
  private struct Input {
    let argument: Int
    let name: String
    let columns: Int
    let hasRows: Bool
    var buffer = FloatBuffer(count: 0)
  }

  /// Compiles the step for a loss function whose parameters are inputs (`parametersAreInputs`).
  ///
  /// - Parameters:
  ///   - function: the loss, a uniform scalar named `loss`.
  ///   - parameters: those of the modules that it uses, buffers included.
  ///   - values: their first values, by name.
  ///   - optimizer: the rule of the update.
  ///   - frozen: the names of parameters, or of modules with all of their parameters, that are not trained.
  ///   - seed: decides the random numbers of each step, if the loss draws any.
  ///   - batch: the number of rows that most steps have, if it is known: threads share small batches better then.
  ///     Steps may have any number of rows.
  /// - Throws: `GradientError`, `RuntimeError`, or `FlowError` for a frozen name that no parameter has.
  public init(
    loss function: TracedFunction, parameters: [Parameter], values: [String: HostArray],
    optimizer: AdamW = AdamW(), frozen: [String] = [], seed: UInt64 = 0, batch: Int? = nil
  ) throws {
    self.seed = seed
    let used = Set(function.function.arguments.map(\.name))
    let frozen = try Self.parameters(parameters, of: frozen)
    self.parameters = parameters.filter {
      $0.isTrainable && used.contains($0.name) && !frozen.contains($0.name)
    }
    self.optimizer = optimizer
    let compact = try trainingStep(
      loss: function, parameters: self.parameters, optimizer: optimizer)
    let step = compact.function
    bound = try CompiledFunction(.withoutPasses(step), rows: batch).bind()
    let kept = compact.keptEntries
    var numbers: [String: Int] = [:]
    for parameter in self.parameters {
      guard let array = values[parameter.name] else {
        throw RuntimeError.missingArgument(parameter.name)
      }
      for prefix in ["", "m.", "v."] {
        numbers[prefix + parameter.name] = arrays.count
        arrays.append(
          TrainedArray(
            name: prefix + parameter.name, entries: kept[parameter.name],
            values: prefix.isEmpty
              ? array.floats : [Float](repeating: 0, count: parameter.count)))
      }
    }
    for (index, argument) in step.arguments.enumerated() {
      let type = step.type(of: argument.value)
      let name = argument.name
      if let number = numbers[name] {
        for side in 0...1 { arguments[side].append(arrays[number].buffers[side].pointer) }
        continue
      }
      let buffer: FloatBuffer?
      if let scalar = Scalar(rawValue: name) {
        scalars.append((scalar, FloatBuffer(count: 1)))
        buffer = scalars.last?.buffer
      } else if type == .uniform([2], .i32) {
        seeds.append(FloatBuffer(count: 2))
        buffer = seeds.last
      } else if let array = values[name], parameters.contains(where: { $0.name == name }) {
        fixed.append(FloatBuffer(array.floats))
        buffer = fixed.last
      } else {
        inputs.append(
          Input(argument: index, name: name, columns: type.elementCount, hasRows: type.hasRows))
        buffer = nil
      }
      for side in 0...1 { arguments[side].append(buffer.map { UnsafeRawPointer($0.pointer) }) }
    }
    for side in 0...1 {
      results[side] = step.results.map { result in
        UnsafeMutableRawPointer(
          numbers[result.name].map { arrays[$0].buffers[1 - side].pointer } ?? loss.pointer)
      }
    }
  }

  /// The parameters with the given names, and those inside modules with the given names.
  private static func parameters(
    _ parameters: [Parameter], of names: [String]
  ) throws(FlowError) -> Set<String> {
    var found: Set<String> = []
    for name in names {
      let part = parameters.map(\.name).filter { $0 == name || $0.hasPrefix(name + ".") }
      guard !part.isEmpty else {
        throw .invalid(
          place: "frozen", found: "\"\(name)\"", expected: "the name of a parameter or module")
      }
      found.formUnion(part)
    }
    return found
  }

  /// The parameters and the two moments, by name (`NAME`, `m.NAME`, `v.NAME`).
  public var state: [String: [Float]] {
    Dictionary(uniqueKeysWithValues: arrays.map { ($0.name, $0.values(side)) })
  }

  /// The parameters alone, by name.
  var parameterValues: [String: [Float]] {
    Dictionary(
      uniqueKeysWithValues: zip(parameters, stride(from: 0, to: arrays.count, by: 3)).map {
        ($0.name, arrays[$1].values(side))
      })
  }

  /// Restores a saved state.
  public func restore(_ state: [String: [Float]], steps: Int) {
    for array in arrays {
      if let values = state[array.name] { array.set(values, side) }
    }
    self.steps = steps
  }

  /// The current values of the parameters.
  public var values: [String: HostArray] {
    var result: [String: HostArray] = [:]
    for (parameter, index) in zip(parameters, stride(from: 0, to: arrays.count, by: 3)) {
      result[parameter.name] = HostArray(arrays[index].values(side), shape: parameter.shape)
    }
    return result
  }

  /// What a scalar of the update is at the next step.
  private func value(of scalar: Scalar, learningRate: Double) -> Double {
    let step = Double(steps + 1)
    return switch scalar {
    case .learningRate: learningRate
    case .stepSize: learningRate / (1 - power(optimizer.beta1, step))
    case .rootFactor: 1 / (1 - power(optimizer.beta2, step)).squareRoot()
    }
  }

  /// Makes one step on a batch and returns its loss; `inputs` are the loss's inputs by name, row-major.
  ///
  /// - Throws: `RuntimeError` if an input is missing or memory runs out.
  @discardableResult
  public func step(
    _ inputs: [String: [Float]], rows: Int, learningRate: Double, threads: Int? = nil
  ) throws -> Float {
    var pointers = arguments[side]
    for index in self.inputs.indices {
      pointers[self.inputs[index].argument] = try copy(inputs, to: index, rows: rows)
    }
    for (scalar, buffer) in scalars {
      buffer.pointer[0] = Float(value(of: scalar, learningRate: learningRate))
    }
    var generator = SeededGenerator(seed: seed ^ (UInt64(steps) << 32))
    for buffer in seeds {
      UnsafeMutableRawPointer(buffer.pointer).storeBytes(of: generator.next(), as: UInt64.self)
    }
    try bound.call(arguments: pointers, results: results[side], rows: rows, threads: threads)
    side = 1 - side
    steps += 1
    return loss.pointer[0]
  }

  /// Copies an input of a step to memory of its own, which the next step uses again.
  private func copy(
    _ values: [String: [Float]], to index: Int, rows: Int
  ) throws(RuntimeError) -> UnsafeRawPointer {
    let input = inputs[index]
    guard let values = values[input.name] else { throw .missingArgument(input.name) }
    let count = (input.hasRows ? rows : 1) * input.columns
    guard values.count >= count else {
      throw .shape(argument: input.name, found: [values.count], expected: [count])
    }
    if input.buffer.count < count { inputs[index].buffer = FloatBuffer(count: count) }
    let target = inputs[index].buffer.pointer
    values.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { target.update(from: start, count: count) }
    }
    return UnsafeRawPointer(target)
  }

  /// Whether all parameters and moments are finite.
  var isFinite: Bool { arrays.allSatisfy { $0.isFinite(side) } }

  /// Undoes the last step; only one step can be undone.
  func undoStep() {
    side = 1 - side
    steps -= 1
  }
}

/// A parameter or moment: the entries that are trained, and the fixed values of the others.
private final class TrainedArray {
  let name: String
  /// The places of the entries, if not all are trained.
  private let entries: [Int]?
  private var given: [Float]
  /// The trained entries, on either side.
  let buffers: [FloatBuffer]

  init(name: String, entries: [Int]?, values: [Float]) {
    self.name = name
    self.entries = entries
    given = values
    let first = FloatBuffer(entries.map { $0.map { values[$0] } } ?? values)
    buffers = [first, FloatBuffer(count: first.count)]
  }

  func values(_ side: Int) -> [Float] {
    guard let entries else { return buffers[side].values }
    var all = given
    for (place, entry) in entries.enumerated() { all[entry] = buffers[side].pointer[place] }
    return all
  }

  /// Whether all entries that are trained are finite.
  func isFinite(_ side: Int) -> Bool {
    UnsafeBufferPointer(start: buffers[side].pointer, count: buffers[side].count)
      .allSatisfy(\.isFinite)
  }

  func set(_ values: [Float], _ side: Int) {
    given = values
    buffers[side].set(entries.map { $0.map { values[$0] } } ?? values)
  }
}

/// Floats at a fixed address, aligned to whole cache lines so that threads that write different arrays do
/// not share one.
private final class FloatBuffer {
  let pointer: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    self.count = count
    let lines = max((count + 15) / 16, 1)
    pointer = UnsafeMutableRawPointer.allocate(byteCount: 64 * lines, alignment: 64)
      .initializeMemory(as: Float.self, repeating: 0, count: 16 * lines)
  }

  convenience init(_ values: [Float]) {
    self.init(count: values.count)
    set(values)
  }

  func set(_ values: [Float]) { pointer.update(from: values, count: min(values.count, count)) }

  deinit { UnsafeMutableRawPointer(pointer).deallocate() }

  var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
