import FlowIR

/// Which uniform values a program computes, and which of them something reads from memory.
struct UniformDemand {
  /// All values to compute, with the arguments and constants that they are made of.
  let needed: Set<Value>
  /// Values that something beside uniform operations reads: row loops, packing, the caller.
  let pinned: Set<Value>

  init(_ views: Views, rows: [RowPhase], packings: [Packing], asked: [Value]) {
    let packed = Set(packings.flatMap { [$0.pack.weight] + ($0.pack.bias.map { [$0] } ?? []) })
    let function = views.function
    var pending = asked.filter { !packed.contains($0) }
    pending += packings.flatMap(\.sources)
    // What else reads packed values directly asks for them on its own.
    pending += rows.flatMap { $0.nodes.flatMap(\.all) }.flatMap { $0.body.uniforms }
    pending += function.results.map(\.value).filter { !function.type(of: $0).hasRows }
    pinned = Set(pending)
    var needed: Set<Value> = []
    while let value = pending.popLast() {
      guard needed.insert(value).inserted, let definition = views.definition(of: value),
        !definition.sumsRows
      else { continue }
      for operand in definition.operands {
        switch definition.opcode.isPointwise ? views.scalar(operand) : nil {
        case .constant: break
        case .value(let base): pending.append(base)
        case nil: pending.append(operand)
        }
      }
    }
    self.needed = needed
  }
}
