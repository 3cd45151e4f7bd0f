import FlowCodegen
import FlowFiles
import FlowRuntime
import Foundation

/// The times of a tile program's nodes, each next to what the machine's limits allow.
struct ProfileReport {
  /// A node, or the time that is spent outside all nodes.
  struct Line {
    var label: String
    var scope: String
    /// Seconds of threads in it, without the nodes within.
    var seconds: Double
    /// What is done: operations, instructions or bytes, all in all.
    var work = 0.0
    var unit = ""
    /// The machine's limit that bounds it, if any.
    var bound = ""
    /// The time that the limit allows, over the time that it took.
    var fraction: Double?
    /// What a search for roots took.
    var search: NodeCounters.Search?
    /// What the solution of a differential equation took.
    var solution: NodeCounters.Solution?
  }

  let function: String
  let rows: Int
  let calls: Int
  let threads: Int
  let seconds: Double
  let limits: MachineLimits
  private(set) var lines: [Line] = []
  /// The share of the peak of products with non-zero weights, in all of the time.
  private(set) var peakShare: Double

  init(
    function: String, counts: [NodeCounters.Count], work: [NodeWork], limits: MachineLimits,
    rows: Int, calls: Int, threads: Int, seconds: Double
  ) {
    (self.function, self.rows, self.calls) = (function, rows, calls)
    (self.threads, self.seconds, self.limits) = (threads, seconds, limits)
    var counted = 0.0
    var tiles = 1.0
    var nonzero = 0.0
    for (index, node) in work.enumerated() {
      // Nodes that lie within follow, one level deeper.
      let inner = work[(index + 1)...].prefix { $0.depth > node.depth }
      let own =
        counts[index].seconds
        - inner.indices.filter { work[$0].depth == node.depth + 1 }
        .reduce(0) { $0 + counts[$1].seconds }
      counted += own
      // How often a row's elements are computed: more than once in loops.
      if node.depth == 0 { tiles = Double(max(counts[index].calls, 1)) }
      let passes = Double(counts[index].calls) / (Double(node.callsPerPass) * tiles)
      let times = passes * Double(rows * calls)
      nonzero += Double(node.nonzeroFLOP) * times
      var line = Line(
        label: String(repeating: "  ", count: node.depth) + node.label, scope: node.scope,
        seconds: max(own, 0), search: counts[index].search,
        solution: counts[index].solution)
      if let needed = Self.bound(node, limits), own > 0, times > 0 {
        (line.bound, line.unit, line.work) = (needed.name, needed.unit, needed.work * times)
        line.fraction = needed.seconds * times * Double(threads) / own
      }
      lines.append(line)
    }
    let all = seconds * Double(threads)
    lines.append(
      Line(label: "outside of the tiles", scope: "", seconds: max(all - counted, 0)))
    peakShare = nonzero / (seconds * limits.flops)
  }

  /// The limit that bounds a node's work on a row, and the seconds that all threads together need for it;
  /// nil for a node without work. Products and what runs in their registers share the same units, so that
  /// their times add up.
  private static func bound(_ node: NodeWork, _ limits: MachineLimits)
    -> (name: String, unit: String, work: Double, seconds: Double)?
  {
    let products = Double(node.flop) / limits.flops
    let pointwise = Double(node.instructions) / limits.instructions
    let arithmetic =
      products >= pointwise
      ? ("fma", "FLOP", Double(node.flop), products + pointwise)
      : ("vector", "ops", Double(node.instructions), products + pointwise)
    let needed = [
      arithmetic,
      ("divide", "divides", Double(node.divisions), Double(node.divisions) / limits.divisions),
      ("memory", "B", Double(node.bytes), Double(node.bytes) / limits.bandwidth),
    ].max { $0.3 < $1.3 }
    return needed.flatMap { $0.2 > 0 ? $0 : nil }
  }

  var total: Double { lines.reduce(0) { $0 + $1.seconds } }

  /// A table.
  var text: String {
    let count = Double(rows * calls)
    var text = """
      \(function): \(calls) calls of \(rows) rows on \(threads) threads, \
      \(number(seconds / count * 1e9, 1)) ns a row
      peak \(number(limits.flops * 1e-9, 1)) GFLOP/s, memory \
      \(number(limits.bandwidth * 1e-9, 1)) GB/s; products at \(number(100 * peakShare, 1)) % of \
      the peak, by non-zero weights; all at \(number(100 * shareOfBound, 0)) % of their bounds

        ns/row   share    work/row  bound   of bound

      """
    for line in lines {
      let work = line.unit.isEmpty ? "" : "\(number(line.work / count, 0)) \(line.unit)"
      let fraction = line.fraction.map { number(100 * $0, 0) + " %" } ?? ""
      var columns =
        number(line.seconds / count * 1e9, 2).right(8)
        + (number(100 * line.seconds / max(total, 1e-30), 1) + " %").right(8) + work.right(12)
        + "  "
      columns += line.bound.left(6) + fraction.right(10) + "  " + line.label
      if let search = line.search {
        columns += ", \(number(search.evaluations, 2)) evaluations, "
        columns += "\(number(search.passes, 2)) with those of rows that wait"
      }
      if let solution = line.solution {
        columns += ", \(number(solution.evaluations, 1)) evaluations a row, "
        columns += "\(number(100 * solution.lanesInUse, 0)) % of the lanes in use"
      }
      text += columns + (line.scope.isEmpty ? "" : "  // \(line.scope)") + "\n"
    }
    return text
  }

  /// The same as a JSON object; times in nanoseconds of threads for each row.
  var json: JSONValue {
    let count = Double(rows * calls)
    let nodes = lines.map { line in
      JSONValue.object(
        [
          .init("node", .string(String(line.label.drop { $0 == " " }))),
          .init("scope", .string(line.scope)),
          .init("ns_per_row", .number(line.seconds / count * 1e9)),
          .init("work_per_row", .number(line.work / count)), .init("unit", .string(line.unit)),
          .init("bound", .string(line.bound)),
          .init("fraction_of_bound", line.fraction.map { .number($0) } ?? .null),
          .init(
            "evaluations",
            (line.search?.evaluations ?? line.solution?.evaluations).map { .number($0) } ?? .null),
          .init("lanes_in_use", line.solution.map { .number($0.lanesInUse) } ?? .null),
          .init("passes", line.search.map { .number($0.passes) } ?? .null),
        ])
    }
    return .object([
      .init("function", .string(function)), .init("rows", .integer(rows)),
      .init("calls", .integer(calls)), .init("threads", .integer(threads)),
      .init("seconds", .number(seconds)), .init("flops", .number(limits.flops)),
      .init("bandwidth", .number(limits.bandwidth)), .init("fraction_of_peak", .number(peakShare)),
      .init("fraction_of_bound", .number(shareOfBound)), .init("nodes", .array(nodes)),
    ])
  }

  private func number(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}
