import FlowIR

/// A function as a Graphviz graph.
struct GraphText {
  let text: String

  init(_ function: Function) {
    var lines = ["digraph \"\(function.name)\" {", "  node [shape=box, fontname=\"monospace\"];"]
    for argument in function.arguments {
      lines.append("  v\(argument.value.id) [label=\"\(argument.name)\", shape=ellipse];")
    }
    func visit(_ operations: [Operation]) {
      for operation in operations {
        guard let first = operation.results.first else { continue }
        let type = function.type(of: first)
        lines.append("  v\(first.id) [label=\"\(operation.opcode.name)\\n\(type)\"];")
        for input in operation.inputs { lines.append("  v\(input.id) -> v\(first.id);") }
        for extra in operation.results.dropFirst() {
          lines.append("  v\(extra.id) [label=\"\(function.type(of: extra))\"];")
          lines.append("  v\(first.id) -> v\(extra.id);")
        }
        for region in operation.regions {
          for argument in region.arguments {
            lines.append("  v\(argument.id) [label=\"x\", shape=ellipse];")
          }
          visit(region.operations)
        }
      }
    }
    visit(function.operations)
    for result in function.results {
      lines.append("  \"\(result.name)\" [shape=ellipse];")
      lines.append("  v\(result.value.id) -> \"\(result.name)\";")
    }
    text = (lines + ["}"]).joined(separator: "\n")
  }
}

/// Floating-point operations and bytes of each operation, for one row.
struct CostText {
  let text: String

  init(_ function: Function) {
    var lines = ["dense FLOP   FLOP run      bytes  operation"]
    var totals = (dense: 0, run: 0, bytes: 0)
    func pad(_ value: Int, _ width: Int) -> String {
      let text = "\(value)"
      return String(repeating: " ", count: max(width - text.count, 0)) + text
    }
    func visit(_ operations: [Operation], _ indent: String) {
      for operation in operations {
        let (dense, run) = Self.flops(operation, function)
        let values = operation.results + operation.operands
        let bytes = values.reduce(0) { sum, value in
          let type = function.type(of: value)
          return sum + type.elementCount * (type.dtype == .f64 ? 8 : 4)
        }
        totals = (totals.dense + dense, totals.run + run, totals.bytes + bytes)
        let type = operation.results.first.map { "\(function.type(of: $0))" } ?? ""
        lines.append(
          "\(pad(dense, 10)) \(pad(run, 10)) \(pad(bytes, 10))  \(indent)\(operation.opcode.name) : "
            + "\(type)" + (operation.scope.path.isEmpty ? "" : "  \(operation.scope.path)"))
        for region in operation.regions { visit(region.operations, indent + "  ") }
      }
    }
    visit(function.operations, "")
    lines.append("\(pad(totals.dense, 10)) \(pad(totals.run, 10)) \(pad(totals.bytes, 10))  total")
    text = lines.joined(separator: "\n")
  }

  private static func flops(_ operation: Operation, _ function: Function) -> (Int, Int) {
    let count = operation.results.first.map { function.type(of: $0).elementCount } ?? 0
    switch operation.opcode {
    case .linear(let mask):
      let shape = function.type(of: operation.operands[1]).shape
      let vectors = count / max(shape[0], 1)
      return (
        2 * vectors * shape[0] * shape[1], 2 * vectors * (mask?.count ?? shape[0] * shape[1])
      )
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
    case .reduce, .cumulativeSum, .search, .take:
      let from = function.type(of: operation.operands[0]).elementCount
      return (from, from)
    case .constant, .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather,
      .scatterAdd, .rowSum, .rowCount, .random, .autoregressiveInverse, .odeSolve, .odeAdjoint,
      .monotoneRoot, .quadrature:
      return (0, 0)
    }
  }
}
