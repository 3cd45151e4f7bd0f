import FlowFiles

/// Everything that the result of a training run depends on: the flow, the data and the options, each as a
/// value or a digest.
///
/// A checkpoint stores it, so that a run refuses the state of another run and can say what differs.
public struct TrainingJob: Hashable, Sendable {
  /// One thing that the result depends on.
  public struct Fact: Hashable, Sendable {
    /// Its name: that of the command line's option if there is one.
    public let name: String
    /// Its value, or a digest of it.
    public let value: String
    /// Whether the value is a digest, which is not shown to people.
    public var isDigest: Bool { value.hasPrefix(Self.mark) }

    static let mark = "digest "
    /// The value of what was not given; also that of a fact that an older file does not state.
    static let absent = "none"

    init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }

    init(_ name: String, _ digest: Digest) { self.init(name, Self.mark + digest.text) }
  }

  /// All of them, in the order in which they are compared.
  public let facts: [Fact]

  /// The number of epochs is included only if the learning rate depends on it; the number of threads never
  /// matters.
  init(
    model: Model, data: DataDigests, validation: WeightedRows?, options: TrainingOptions
  ) {
    var flow = Digest()
    flow.update(model.description?.json.text ?? "")
    for parameter in model.parameters { flow.update("\(parameter.name) \(parameter.shape)") }
    var start = Digest()
    for (name, values) in model.values.sorted(by: { $0.key < $1.key }) {
      start.update(name)
      switch values.storage {
      case .float32(let numbers): start.update(numbers)
      case .float64(let numbers): start.update(numbers)
      case .int32(let numbers): start.update(numbers.map(Double.init))
      }
    }
    func digest(_ values: [Float]) -> Digest {
      var digest = Digest()
      digest.update(values)
      return digest
    }
    func optional(_ name: String, _ values: [Float]?) -> Fact {
      values.map { Fact(name, digest($0)) } ?? Fact(name, Fact.absent)
    }
    let optimizer = options.optimizer
    let objective = options.objective
    var facts = [
      Fact("objective", objective == .likelihood ? Fact.absent : objective.rawValue),
      Fact(
        "discrete",
        model.discrete.isEmpty
          ? Fact.absent
          : model.discrete.map { "\($0.feature + 1):\($0.step)" }.joined(separator: ",")),
      Fact("standardize", options.standardization?.rawValue ?? Fact.absent),
      Fact("lower", model.bounds.map { "\($0.lower)" } ?? Fact.absent),
      Fact("upper", model.bounds.map { "\($0.upper)" } ?? Fact.absent),
      // Before the digests, which depend on it.
      Fact("memory", data.layout?.text ?? Fact.absent),
      Fact("flow", flow), Fact("data", data.x), Fact("context-data", data.context),
      data.weights.map { Fact("weights", $0) } ?? Fact("weights", Fact.absent),
      optional("validation-data", validation?.x),
      optional("validation-context-data", validation?.context),
      optional("validation-weights", validation?.weights),
      Fact("seed", "\(options.seed)"),
      Fact("batch-size", options.batchSize.map { "\($0)" } ?? Fact.absent),
      Fact("learning-rate", "\(options.learningRate)"),
      Fact("schedule", options.schedule.rawValue),
      Fact("weight-decay", "\(optimizer.weightDecay)"),
      Fact("clip-norm", optimizer.clipNorm.map { "\($0)" } ?? Fact.absent),
      Fact("validation", "\(options.validation)"),
      Fact("frozen", options.frozen.joined(separator: ",")),
      // The parameters at the start, which the seed decides unless they are those of a model.
      Fact("from", start),
      Fact("optimizer", "\(optimizer.beta1) \(optimizer.beta2) \(optimizer.epsilon)"),
    ]
    switch options.schedule {
    case .constant: break
    case .cosine, .step: facts.append(Fact("epochs", "\(options.epochs)"))
    }
    self.facts = facts
  }

  /// The facts that a file states under their names.
  init(facts: [Fact]) { self.facts = facts }

  /// Checks that a state with these facts can be continued by this run.
  ///
  /// - Throws: `TrainingMismatch` naming the first thing that differs.
  func check(_ other: TrainingJob) throws(TrainingMismatch) {
    for fact in facts {
      let found = other.facts.first { $0.name == fact.name }
      guard (found?.value ?? Fact.absent) == fact.value else {
        throw .otherRun(
          name: fact.name, found: found.flatMap { $0.isDigest ? nil : $0.value },
          expected: fact.isDigest ? nil : fact.value)
      }
    }
  }
}

/// Why a run can't continue from a checkpoint.
public enum TrainingMismatch: Error, Hashable, Sendable, CustomStringConvertible {
  /// It belongs to another run; the values are nil if only their digests are known.
  case otherRun(name: String, found: String?, expected: String?)
  /// It has more epochs done than the run is to have.
  case moreEpochs(found: Int, expected: Int)
  /// An array in it has the wrong size or values.
  case array(name: String, found: String, expected: String)

  /// What differs, and what to do, in one line.
  public var description: String {
    switch self {
    case .otherRun(let name, nil, _), .otherRun(let name, _, nil):
      "the state to go on from is of a run with another '\(name)'; start over without --resume"
    case .otherRun(let name, let found?, let expected?):
      "the state to go on from is of a run with \(name) \(found), not \(expected); give the same, or "
        + "start over without --resume"
    case .moreEpochs(let found, let expected):
      "the state to go on from has \(found) epochs done, more than the \(expected) of --epochs; give "
        + "\(found) or more, or start over without --resume"
    case .array(let name, let found, let expected):
      "the state to go on from has \(found) for '\(name)', expected \(expected); start over without "
        + "--resume"
    }
  }
}

extension TrainingCheckpoint {
  /// Checks that the state belongs to a job and fits its parameters.
  ///
  /// - Throws: `TrainingMismatch`.
  func check(
    _ job: TrainingJob, parameters: [Parameter], options: TrainingOptions
  ) throws(TrainingMismatch) {
    try job.check(self.job)
    guard epoch <= options.epochs else {
      throw .moreEpochs(found: epoch, expected: options.epochs)
    }
    for parameter in parameters {
      for (arrays, names) in [
        (state, ["", "m.", "v."].map { $0 + parameter.name }), (best, [parameter.name]),
      ] {
        for name in names {
          let values = arrays[name]
          guard let values, values.count == parameter.count else {
            throw .array(
              name: name, found: values.map { "\($0.count) numbers" } ?? "nothing",
              expected: "\(parameter.count) numbers")
          }
          guard values.allSatisfy(\.isFinite) else {
            throw .array(name: name, found: "NaN or infinity", expected: "finite numbers")
          }
        }
      }
    }
  }
}
