import FlowIR

/// Which row values are kept for later operations, and which are computed again where those need them.
///
/// A group of operations runs in registers; only layers, and whatever else needs a loop of its own,
/// stand between groups. A value that is read behind a layer has to be stored and loaded again, and by
/// then it has left the first cache; or it is computed again, from values that are kept. Keeping costs
/// `costOfKeeping` instructions for each number, and computing what the operations' traits say. The
/// cheapest choice for all values together is a minimum cut. It depends on the function alone.
///
/// What a layer or a sum over rows reads behind a layer lies in memory anyway, as inputs and results
/// do.
public struct RecomputePlan {
  /// What happens to a value.
  public enum Verdict: String, Sendable {
    /// Stored and loaded.
    case kept
    /// Computed again where it is read.
    case recomputed
    /// Kept, so that others can be computed from it again.
    case keptForOthers = "kept for others"
  }

  /// The choice for one value.
  public struct Decision: Sendable {
    /// The value.
    public let value: Value
    /// The operation that makes it.
    public let operation: TensorOperation
    /// The numbers that it has in each row.
    public let elements: Int
    /// The instructions that keeping it takes, for each row.
    public let keeping: Int
    /// The instructions that its operation takes each time, for each row; nil if only the place where it is
    /// made can make it.
    public let computing: Int?
    /// The choice.
    public let verdict: Verdict
  }

  /// Instructions that it takes to store a number, to load it, and to wait for it: on Zen 5 the
  /// time of a vector that goes through the second cache is that of about 8 instructions of a spline.
  public static let costOfKeeping = 8
  /// A division's in instructions.
  static let costOfDivision = 8

  /// The choices in the order of the function.
  public let decisions: [Decision]
  let flow: RowFlow

  /// The values that are computed again.
  var recomputed: Set<Value> {
    Set(decisions.filter { $0.verdict == .recomputed }.map(\.value))
  }

  /// Decides for a function without repeated operations.
  public init(_ function: Function) {
    let flow = RowFlow(function)
    self.flow = flow
    var (values, numbers): ([Value], [Value: Int]) = ([], [:])
    var pending = function.operations.flatMap(\.results).filter(flow.isReadLater)
    let wanted = Set(pending)
    while let value = pending.popLast() {
      guard numbers[value] == nil else { continue }
      numbers[value] = values.count
      values.append(value)
      if flow.canBeRepeated(value) { pending += flow.sources(of: flow.definitions[value]) }
    }
    // For each value a node where it is wanted, and one where it must be computed.
    let (source, sink) = (2 * values.count, 2 * values.count + 1)
    var cut = MinimumCut(nodes: 2 * values.count + 2)
    for (number, value) in values.enumerated() {
      let (want, make) = (2 * number, 2 * number + 1)
      if wanted.contains(value) { cut.connect(source, want, MinimumCut.unlimited) }
      cut.connect(want, make, flow.isInMemory(value) ? 0 : Self.keeping(value, function))
      guard flow.canBeRepeated(value), let operation = flow.definitions[value] else {
        cut.connect(make, sink, MinimumCut.unlimited)
        continue
      }
      let times = max(flow.laterStages(of: value).count, 1)
      cut.connect(make, sink, times * Self.computing(operation, function))
      for operand in flow.sources(of: operation) {
        if let other = numbers[operand] { cut.connect(make, 2 * other, MinimumCut.unlimited) }
      }
    }
    let side = cut.side(source: source, sink: sink)
    decisions = values.sorted().compactMap { value in
      guard let number = numbers[value], side[2 * number], !flow.isInMemory(value),
        let operation = flow.definitions[value]
      else { return nil }
      let again = side[2 * number + 1]
      return Decision(
        value: value, operation: operation,
        elements: function.type(of: value).elementCount,
        keeping: Self.keeping(value, function),
        computing: flow.canBeRepeated(value) ? Self.computing(operation, function) : nil,
        verdict: again ? .recomputed : wanted.contains(value) ? .kept : .keptForOthers)
    }
  }

  private static func keeping(_ value: Value, _ function: Function) -> Int {
    costOfKeeping * function.type(of: value).elementCount
  }

  private static func computing(_ operation: TensorOperation, _ function: Function) -> Int {
    let cost = operation.cost(in: function, on: .planned)
    return cost.instructions + costOfDivision * cost.divisions
  }
}
