import FlowIR
import FlowPasses
import FlowRuntime

/// Trains parameters by gradient descent on a loss; each step is one call of compiled code.
///
/// Parameters and moments are double-buffered: the results of a step are the arguments of the next, without
/// copies. Of a masked matrix only the entries inside the mask are trained; the others keep their values. A
/// loss with a seed input gets a new seed at each step.
public final class Trainer {
  /// How many steps have been made.
  public private(set) var steps = 0
  /// The trainable parameters.
  public let parameters: [Parameter]
  private let optimizer: AdamW
  private let bound: BoundFunction
  private var arrays: [TrainedArray] = []
  /// What each argument of the step is.
  private var arguments: [Role] = []
  /// For each result of the step, the array whose next state it is; nil for the loss.
  private var results: [Int?] = []
  private let loss = FloatBuffer(count: 1)
  private let seed: UInt64

  private enum Scalar: String {
    case learningRate = "learning_rate"
    case stepSize = "step_size"
    case rootFactor = "root_factor"
  }

  private enum Role {
    case array(Int)
    case fixed(FloatBuffer)
    case input(String, columns: Int, hasRows: Bool)
    /// A number that changes with the step.
    case scalar(Scalar, FloatBuffer)
    case seed
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
    for argument in step.arguments {
      let type = step.type(of: argument.value)
      let name = argument.name
      if let scalar = Scalar(rawValue: name) {
        arguments.append(.scalar(scalar, FloatBuffer(count: 1)))
      } else if let number = numbers[name] {
        arguments.append(.array(number))
      } else if type == .uniform([2], .i32) {
        arguments.append(.seed)
      } else if let array = values[name], parameters.contains(where: { $0.name == name }) {
        arguments.append(.fixed(FloatBuffer(array.floats)))
      } else {
        arguments.append(.input(name, columns: type.elementCount, hasRows: type.hasRows))
      }
    }
    results = step.results.map { numbers[$0.name] }
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
    Dictionary(uniqueKeysWithValues: arrays.map { ($0.name, $0.values) })
  }

  /// The parameters alone, by name.
  var parameterValues: [String: [Float]] {
    Dictionary(
      uniqueKeysWithValues: zip(parameters, stride(from: 0, to: arrays.count, by: 3)).map {
        ($0.name, arrays[$1].values)
      })
  }

  /// Restores a saved state.
  public func restore(_ state: [String: [Float]], steps: Int) {
    for array in arrays {
      if let values = state[array.name] { array.set(values) }
    }
    self.steps = steps
  }

  /// The current values of the parameters.
  public var values: [String: HostArray] {
    var result: [String: HostArray] = [:]
    for (parameter, index) in zip(parameters, stride(from: 0, to: arrays.count, by: 3)) {
      result[parameter.name] = HostArray(arrays[index].values, shape: parameter.shape)
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
    var held: [FloatBuffer] = []
    var generator = SeededGenerator(seed: seed ^ (UInt64(steps) << 32))
    let pointers = try arguments.map { role throws(RuntimeError) -> UnsafeRawPointer? in
      switch role {
      case .array(let number): return UnsafeRawPointer(arrays[number].current.pointer)
      case .fixed(let buffer): return UnsafeRawPointer(buffer.pointer)
      case .scalar(let scalar, let buffer):
        buffer.pointer[0] = Float(value(of: scalar, learningRate: learningRate))
        return UnsafeRawPointer(buffer.pointer)
      case .seed:
        let buffer = FloatBuffer(count: 2)
        UnsafeMutableRawPointer(buffer.pointer).storeBytes(of: generator.next(), as: UInt64.self)
        held.append(buffer)
        return UnsafeRawPointer(buffer.pointer)
      case .input(let name, let columns, let hasRows):
        guard let values = inputs[name] else { throw .missingArgument(name) }
        let count = (hasRows ? rows : 1) * columns
        guard values.count >= count else {
          throw .shape(argument: name, found: [values.count], expected: [count])
        }
        held.append(FloatBuffer(values))
        return UnsafeRawPointer(held[held.count - 1].pointer)
      }
    }
    let targets = results.map { number in
      UnsafeMutableRawPointer(number.map { arrays[$0].next.pointer } ?? loss.pointer)
    }
    try bound.call(arguments: pointers, results: targets, rows: rows, threads: threads)
    withExtendedLifetime(held) {}
    for array in arrays { swap(&array.current, &array.next) }
    steps += 1
    return loss.pointer[0]
  }

  /// Whether all parameters and moments are finite.
  var isFinite: Bool { arrays.allSatisfy(\.isFinite) }

  /// Undoes the last step; only one step can be undone.
  func undoStep() {
    for array in arrays { swap(&array.current, &array.next) }
    steps -= 1
  }
}

/// A parameter or moment: the entries that are trained, and the fixed values of the others.
private final class TrainedArray {
  let name: String
  /// The places of the entries, if not all are trained.
  private let entries: [Int]?
  private var given: [Float]
  /// The memory that the next step reads.
  var current: FloatBuffer
  /// The memory that it writes.
  var next: FloatBuffer

  init(name: String, entries: [Int]?, values: [Float]) {
    self.name = name
    self.entries = entries
    given = values
    current = FloatBuffer(entries.map { $0.map { values[$0] } } ?? values)
    next = FloatBuffer(count: current.count)
  }

  var values: [Float] {
    guard let entries else { return current.values }
    var all = given
    for (place, entry) in entries.enumerated() { all[entry] = current.pointer[place] }
    return all
  }

  /// Whether all entries that are trained are finite.
  var isFinite: Bool {
    UnsafeBufferPointer(start: current.pointer, count: current.count).allSatisfy(\.isFinite)
  }

  func set(_ values: [Float]) {
    given = values
    current = FloatBuffer(entries.map { $0.map { values[$0] } } ?? values)
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
    pointer.update(from: values, count: values.count)
  }

  deinit { UnsafeMutableRawPointer(pointer).deallocate() }

  var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
