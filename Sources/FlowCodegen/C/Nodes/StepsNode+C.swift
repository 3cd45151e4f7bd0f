import FlowIR

extension StepsNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    var lines = cleared(printer.phase.scratch).map { printer.clear($0) }
    lines.append("for (int step = 0; step < \(steps); step++) {")
    lines += printer.within(steps: isIncremental ? steps : nil).statements(nodes)
    if !isIncremental {
      // The values beside x belong to the x that went into the last pass.
      lines.append(
        "memcpy(\(printer.pointer(state)), \(printer.pointer(next)), "
          + "\(state.elements) * FK_TILE * sizeof(fk_real));")
    }
    lines.append("}")
    return isIncremental ? lines : lines + printer.within(steps: nil).statements(nodes)
  }
}
