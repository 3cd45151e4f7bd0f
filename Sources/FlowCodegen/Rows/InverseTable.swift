import FlowIR

/// A table of the inverses of functions that are the same for all rows, made when parameters are loaded:
/// roots at knots of the target, from which searches start.
struct InverseTable {
  /// The place of the table among those of the program.
  let number: Int
  let elements: Int
  /// The targets that it covers.
  let low: Double
  let high: Double

  /// Knots in an octave: knot i lies at ±(v - 1), where v is 1 plus |i| units of so many to 1, and
  /// the units double with each octave. `fk_inverse.h` has the same number.
  private static let perOctave = 128
  /// The targets that a table covers if all of them can occur.
  private static let widest = 15.0
  /// Tables of more numbers would cost more than they save.
  private static let largest = 1 << 23

  /// The table for targets in a range, if there are any; nil if it would be too large.
  init?(number: Int, elements: Int, range: ClosedRange<Double>?) {
    let widest = -Self.widest...Self.widest
    let range = range ?? widest
    guard range.overlaps(widest), range.lowerBound < range.upperBound else { return nil }
    self.number = number
    self.elements = elements
    (low, high) = (max(range.lowerBound, -Self.widest), min(range.upperBound, Self.widest))
    guard size <= Self.largest else { return nil }
  }

  /// The first knot: at the lower end or, out of the range, beyond it.
  var first: Int { low < 0 ? -Self.index(-low, .up) : Self.index(low, .down) }
  /// The knots from there to the upper end, or one beyond it.
  var count: Int { (high < 0 ? -Self.index(-high, .down) : Self.index(high, .up)) - first + 1 }
  /// The numbers of the table: a root and a slope for each knot of each element.
  var size: Int { 2 * elements * count }

  /// The index of the knot beside a number that is not negative.
  private static func index(_ y: Double, _ rule: FloatingPointRoundingRule) -> Int {
    let octave = (y + 1).exponent
    let within = (y + 1).significand - 1
    return Int(octave) * perOctave + Int((within * Double(perOctave)).rounded(rule))
  }
}

/// The search that fills a table of inverses, and the loop over rows that has its buffers.
struct InverseSearch {
  let table: InverseTable
  let root: RootNode
  /// The number of the loop.
  let phase: Int

  /// The uniform values and packs that the functions read.
  var uniforms: [Value] { root.inner.flatMap(\.all).flatMap(\.body.uniforms) }
  var packs: [Int] { root.inner.flatMap(\.all).flatMap(\.body.packs).map(\.pack) }
}

extension RowLoops {
  /// The searches that fill the tables of inverses, in the order of the tables.
  var inverseSearches: [InverseSearch] {
    phases.enumerated().flatMap { number, phase in
      phase.nodes.flatMap(\.all).compactMap { node in
        guard let root = node.body as? RootNode, let table = root.inverse else { return nil }
        return InverseSearch(table: table, root: root, phase: number)
      }
    }.sorted { $0.table.number < $1.table.number }
  }
}

extension RowLowering {
  /// A table for the roots that nodes search, if their functions depend on parameters alone.
  func inverseTable(_ operation: TensorOperation, nodes: [Node], state: Buffer) -> InverseTable? {
    let all = nodes.flatMap(\.all)
    let isOwn =
      all.allSatisfy { $0.body.isFunction && $0.body.reductions.isEmpty }
      && all.flatMap(\.body.uniforms).allSatisfy(context.isPrepared)
      && all.flatMap(\.body.packs).allSatisfy {
        let pack = context.packs[$0.pack]
        return context.isPrepared(pack.weight) && pack.bias.map(context.isPrepared) ?? true
      }
    var written = Set(all.flatMap { $0.body.writes + $0.body.prepares }.map(\.buffer))
    written.insert(state)
    guard isOwn,
      all.allSatisfy({ ($0.body.reads + $0.body.takes).allSatisfy { written.contains($0.buffer) } })
    else { return nil }
    return context.addInverse(elements: state.elements, range: clamp(of: operation.operands[0]))
  }

  /// The numbers within which a value is kept: `select %y < low, low, %y` of `%y = select %x > high, high, %x`.
  private func clamp(of value: Value) -> ClosedRange<Double>? {
    func limit(_ value: Value, _ comparison: Comparison) -> (Double, rest: Value)? {
      guard let select = context.views.definition(of: value), case .select = select.opcode,
        let compare = context.views.definition(of: select.operands[0]),
        case .compare(comparison) = compare.opcode,
        compare.operands == [select.operands[2], select.operands[1]],
        let constant = context.views.definition(of: select.operands[1]),
        case .constant(let literal) = constant.opcode, let number = literal.splat
      else { return nil }
      return (number, select.operands[2])
    }
    guard let (low, rest) = limit(value, .less), let (high, _) = limit(rest, .greater), low < high
    else { return nil }
    return low...high
  }
}
