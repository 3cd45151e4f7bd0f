import FlowIR

extension StepsNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    var lines = cleared(printer.phase.scratch).map { printer.clear($0) }
    lines.append("for (int step = 0; step < \(steps); step++) {")
    lines += printer.within(steps: isIncremental ? steps : nil).statements(nodes)
    if !isIncremental {
      let (old, new) = (printer.pointer(state), printer.pointer(next))
      let size = "\(state.elements) * FK_TILE * sizeof(fk_real)"
      // Once no bit changes, no later pass changes any.
      lines.append("if (!memcmp(\(old), \(new), \(size))) break;")
      // The values beside x belong to the x that went into the last pass.
      lines.append("memcpy(\(old), \(new), \(size));")
    }
    lines.append("}")
    return isIncremental ? lines : lines + printer.within(steps: nil).statements(nodes)
  }
}
