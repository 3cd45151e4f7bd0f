import FlowIR

extension TurnsNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    nodes.flatMap(\.body.accumulators).map { printer.clear($0) }
      + ["for (int step = 0; step < \(turns); step++) {"]
      + printer.within(steps: turns).statements(nodes) + ["}"]
  }
}
