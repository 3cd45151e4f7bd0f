import FlowIR

/// A tensor of a module: its name in a checkpoint, its shape, and its initial value.
public struct Parameter: Sendable, Hashable {
  /// How an untrained parameter is filled.
  public enum Initializer: Sendable, Hashable {
    /// All 0.
    case zeros
    /// All 1.
    case ones
    /// Uniform on [-bound, bound].
    case uniform(bound: Double)
    /// Normal.
    case normal(mean: Double = 0, deviation: Double = 1)
    /// The given elements, row-major.
    case values([Double])
    /// The given truth values, row-major.
    case bits([Bool])
  }

  /// How the tensor is stored in a checkpoint.
  public enum Storage: Sendable, Hashable {
    /// 4-byte floats: parameters and buffers that functions read.
    case float32
    /// 8-byte integers that decide the structure of the flow, such as an order of features.
    case int64
    /// Booleans that decide the structure of the flow, such as a mask.
    case bool
  }

  /// The name in a checkpoint, such as `transform.transforms.0.hyper.0.weight`.
  public let name: String
  /// The shape.
  public let shape: [Int]
  /// Whether it is trained; if not, it is a buffer.
  public let isTrainable: Bool
  /// How it is stored.
  public let storage: Storage
  /// Its initial value.
  public let initializer: Initializer

  /// The number of elements.
  public var count: Int { size.count }

  /// The number of elements, saturating at `Int.max` for an absurd shape.
  var size: Size { shape.reduce(1) { $0 * Size($1) } }

  /// The parameter in the function being traced.
  public var tensor: Tensor {
    guard let trace = Trace.current else {
      preconditionFailure("parameter '\(name)' is used outside a trace")
    }
    return trace.tensor(of: self)
  }
}

/// Where modules register their parameters while they are built, each under its checkpoint name.
public struct ModuleScope {
  /// The state that all scopes of one model share.
  public final class Registry {
    /// The parameters and buffers in order of registration.
    public private(set) var parameters: [Parameter] = []
    private var names: Set<String> = []
    /// The error of the first tensor that could not be registered; building continues without it.
    private var failure: FlowError?
    private var budget = SizeBudget()
    /// The checkpoint that the model is loaded from; random choices are read from it, not drawn again.
    let checkpoint: any CheckpointSource
    /// Draws the random choices (orders, masks) of a new model.
    var generator: SeededGenerator

    init(checkpoint: any CheckpointSource, seed: UInt64) {
      self.checkpoint = checkpoint
      generator = SeededGenerator(seed: seed)
    }

    func add(_ parameter: Parameter) {
      precondition(
        names.insert(parameter.name).inserted,
        "'\(parameter.name)' is registered twice; give each part a scope of its own by child(_:)")
      parameters.append(parameter)
      guard failure == nil else { return }
      do {
        if checkpoint.isEmpty {
          try budget.charge(parameter.size, for: parameter.name)
        } else {
          try checkpoint.check(parameter)
        }
      } catch {
        failure = error
      }
    }

    /// Checks that the checkpoint has every registered tensor in its shape, or that a new model does not
    /// have too many elements. Code whose memory or time grows with numbers in a description must call
    /// this first.
    ///
    /// - Throws: `FlowError` about the first tensor that is wrong.
    func validate() throws(FlowError) {
      if let failure { throw failure }
    }

    /// Checks the size of something other than a tensor that is needed to build a new model.
    ///
    /// - Throws: `FlowError.tooLarge`.
    func reserve(_ size: Size, for name: String) throws(FlowError) {
      try validate()
      var rest = budget
      try rest.charge(size, for: name)
    }
  }

  /// The state that all scopes of one model share.
  public let registry: Registry
  /// The path so far.
  public let path: String

  /// Starts a model without checkpoint; `seed` decides its random choices.
  public static func root(seed: UInt64 = 0) -> ModuleScope {
    ModuleScope(registry: Registry(checkpoint: NoCheckpoint(), seed: seed), path: "")
  }

  /// The scope of a part.
  public func child(_ name: String) -> ModuleScope {
    ModuleScope(registry: registry, path: qualified(name))
  }

  /// The checkpoint name of something in this scope: the path, a dot and its name.
  public func qualified(_ name: String) -> String { path.isEmpty ? name : path + "." + name }

  /// Whether the checkpoint that the model is loaded from has a tensor of this name in this scope; false
  /// for a new model. Parts whose tensors were renamed use this to read older files.
  public func isStored(_ name: String) -> Bool { registry.checkpoint.contains(qualified(name)) }

  /// The values in a random order, determined by the model's seed and different at each call. To store
  /// an order in checkpoints, register it by `integers` or `booleans`.
  public func shuffled<Element>(_ values: [Element]) -> [Element] {
    values.shuffled(using: &registry.generator)
  }

  /// Registers a trainable parameter.
  public func parameter(
    _ name: String, _ shape: [Int], initializer: Parameter.Initializer
  ) -> Parameter {
    register(name, shape, trainable: true, .float32, initializer)
  }

  /// Registers a float buffer.
  public func buffer(
    _ name: String, _ shape: [Int], initializer: Parameter.Initializer
  ) -> Parameter {
    register(name, shape, trainable: false, .float32, initializer)
  }

  /// Registers a parameter or a buffer.
  func tensor(
    _ name: String, _ shape: [Int], initializer: Parameter.Initializer, isBuffer: Bool
  ) -> Parameter {
    register(name, shape, trainable: !isBuffer, .float32, initializer)
  }

  /// Registers integers that decide the structure of the flow; a checkpoint's values replace the given ones.
  public func integers(_ name: String, _ values: [Int]) -> [Int] {
    let found = registry.checkpoint.integers(qualified(name)) ?? values
    _ = register(
      name, [values.count], trainable: false, .int64, .values(found.map(Double.init)))
    return found
  }

  /// Registers booleans that decide the structure of the flow; a checkpoint's values replace the given ones.
  public func booleans(_ name: String, _ values: [Bool], shape: [Int]) -> [Bool] {
    let found = registry.checkpoint.booleans(qualified(name)) ?? values
    _ = register(
      name, shape, trainable: false, .bool, .bits(found))
    return found
  }

  /// Checks the size of a matrix from which masks are made, before it is built.
  ///
  /// - Throws: `FlowError` if it is too large, or if an earlier registration failed.
  public func reserve(rows: Int, columns: Int) throws(FlowError) {
    try registry.reserve(Size(rows) * Size(columns), for: path)
  }

  /// Registers the buffer of a mask. The mask of a checkpoint is used unchanged; the closure is called
  /// only for a new model.
  ///
  /// - Throws: `FlowError` if the checkpoint lacks the mask or has it in another shape, or if the model is
  ///   too large.
  public func mask(
    _ name: String, rows: Int, columns: Int, _ make: () throws(FlowError) -> Mask
  ) throws(FlowError) -> Mask {
    let shape = [rows, columns]
    try registry.validate()
    let stored = registry.checkpoint.booleans(qualified(name))
    if !registry.checkpoint.isEmpty {
      _ = register(name, shape, trainable: false, .bool, .bits(stored ?? []))
      try registry.validate()
      return Mask(rows: rows, columns: columns, bits: stored ?? [])
    }
    try registry.reserve(Size(rows) * Size(columns), for: qualified(name))
    let mask = try make()
    _ = register(name, shape, trainable: false, .bool, .bits(mask.bits))
    return mask
  }

  private func register(
    _ name: String, _ shape: [Int], trainable: Bool, _ storage: Parameter.Storage,
    _ initializer: Parameter.Initializer
  ) -> Parameter {
    let parameter = Parameter(
      name: qualified(name), shape: shape, isTrainable: trainable, storage: storage,
      initializer: initializer)
    registry.add(parameter)
    return parameter
  }
}

/// The source of the buffers that decide a flow's structure when a model is loaded.
protocol CheckpointSource {
  func integers(_ name: String) -> [Int]?
  func booleans(_ name: String) -> [Bool]?
  func contains(_ name: String) -> Bool
  func shape(_ name: String) -> [Int]?
  /// Checks that the checkpoint has a parameter's tensor.
  func check(_ parameter: Parameter) throws(FlowError)
  /// Whether there is no checkpoint.
  var isEmpty: Bool { get }
}

struct NoCheckpoint: CheckpointSource {
  func integers(_ name: String) -> [Int]? { nil }
  func booleans(_ name: String) -> [Bool]? { nil }
  func contains(_ name: String) -> Bool { false }
  func shape(_ name: String) -> [Int]? { nil }
  func check(_ parameter: Parameter) throws(FlowError) {}
  var isEmpty: Bool { true }
}

/// A small deterministic generator for initial parameters, shuffles and random choices: SplitMix64
/// (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Starts the sequence of a seed.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits of the sequence.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Uniform on [0, 1).
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}
