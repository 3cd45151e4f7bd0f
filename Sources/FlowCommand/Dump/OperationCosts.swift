import FlowIR

/// Floating-point operations and bytes of each operation and of a function.
///
/// What has rows counts for one row, with the bytes of the row values that it reads and writes; the
/// rest for one call, or for one packing of parameters. Within a structured operation all counts are
/// those of its passes: dense work of an `autoregressive_inverse` runs as often as it has passes, but
/// each element is computed once; the region of a root or an ODE counts for one evaluation.
struct OperationCosts {
  /// Counts of one operation or more.
  struct Cost {
    /// Operations if masks had no zeros and loops no order.
    var dense = 0
    /// Operations with what masks let through.
    var run = 0
    var bytes = 0

    static func + (a: Cost, b: Cost) -> Cost {
      Cost(dense: a.dense + b.dense, run: a.run + b.run, bytes: a.bytes + b.bytes)
    }
  }

  /// An operation's counts.
  struct Line {
    let cost: Cost
    /// Whether they are for a row, and not for a call.
    let isRow: Bool
    /// How many regions it stands in.
    let depth: Int
    /// Its name and the type of its first result.
    let operation: String
    let scope: String
  }

  /// The operations in the order of the text.
  let lines: [Line]
  /// The sums over operations of rows and over all others, parameters among these.
  let (row, call): (Cost, Cost)

  init(_ function: Function) {
    var counter = Counter(function: function)
    counter.walk(function.operations)
    let parameters = function.arguments.filter { $0.kind != .input }
    counter.call.bytes += parameters.reduce(0) { $0 + Self.bytes(function.type(of: $1.value)) }
    (lines, row, call) = (counter.lines, counter.row, counter.call)
  }

  private struct Counter: OperationVisitor {
    let function: Function
    var lines: [Line] = []
    var (row, call) = (Cost(), Cost())
    /// How often the operations of each open region run: dense work, and work that computes something.
    private var repetitions = [(dense: 1, run: 1)]

    init(function: Function) { self.function = function }

    mutating func enter(_ operation: TensorOperation) {
      let isRow = (operation.operands + operation.results).contains {
        function.type(of: $0).hasRows
      }
      let (dense, run) = repetitions[repetitions.count - 1]
      let cost = OperationCosts.cost(operation, function, isRow: isRow, dense: dense, run: run)
      if isRow { row = row + cost } else { call = call + cost }
      let type = operation.results.first.map { "\(function.type(of: $0))" } ?? ""
      lines.append(
        Line(
          cost: cost, isRow: isRow, depth: repetitions.count - 1,
          operation: "\(operation.opcode.name) : \(type)", scope: operation.scope.path))
      var inner = (dense: dense, run: run)
      if case .autoregressiveInverse(let count) = operation.opcode { inner.dense *= count }
      if case .quadrature(let count) = operation.opcode {
        inner = (dense * count, run * count)
      }
      repetitions.append(inner)
    }

    mutating func leave(_ operation: TensorOperation) { repetitions.removeLast() }
  }

  private static func bytes(_ type: TensorType) -> Int {
    type.elementCount * (type.dtype == .f64 ? 8 : 4)
  }

  private static func cost(
    _ operation: TensorOperation, _ function: Function, isRow: Bool, dense: Int, run: Int
  ) -> Cost {
    let (all, used) = flops(operation, function)
    let values = (operation.results + operation.operands).map { function.type(of: $0) }
    let moved = values.filter { $0.hasRows || !isRow }.reduce(0) { $0 + bytes($1) }
    return Cost(dense: all * dense, run: used * run, bytes: moved * run)
  }

  private static func flops(_ operation: TensorOperation, _ function: Function) -> (Int, Int) {
    let count = operation.results.first.map { function.type(of: $0).elementCount } ?? 0
    switch operation.opcode {
    case .linear(let mask):
      let shape = function.type(of: operation.operands[1]).shape
      let vectors = count / max(shape[0], 1)
      let weights = shape[0] * shape[1]
      return (2 * vectors * weights, 2 * vectors * (mask?.count ?? weights))
    case .linearWeightGradient(let mask): return (2 * count, 2 * (mask?.count ?? count))
    case .matmul:
      let k = function.type(of: operation.operands[0]).shape[1]
      return (2 * count * k, 2 * count * k)
    case .matrixExponential:
      // Six products for the approximant, about as much for the solution and squarings.
      let n = function.type(of: operation.operands[0]).shape[0]
      return (16 * count * n, 16 * count * n)
    case .cholesky, .triangularSolve:
      let n = function.type(of: operation.operands[0]).shape.last ?? 1
      return (count * n, count * n)
    case .unary, .binary, .compare, .select, .convert: return (count, count)
    case .reduce, .cumulativeSum, .search, .take, .rowSum:
      let from = function.type(of: operation.operands[0]).elementCount
      return (from, from)
    case .constant, .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather,
      .scatterAdd, .rowCount, .random, .autoregressiveInverse, .odeSolve, .odeAdjoint,
      .monotoneRoot, .quadrature:
      return (0, 0)
    }
  }
}
