extension TurnsNode {
  func earlyReads(_ place: String) -> [Fault] {
    var faults: [Fault] = []
    let ready = Readiness()
    for inner in nodes {
      let steps = inner.itemSteps
      func fault(_ item: Int, _ what: String) {
        faults.append(
          Fault(
            .final,
            "\(place): item \(item) of a node at '\(inner.scope.path)' runs in turn \(steps[item]), "
              + what))
      }
      if steps.count != inner.body.items || !steps.allSatisfy((0..<turns).contains) {
        faults.append(
          Fault(.final, "\(place): items of \(inner.body) have no turn among \(turns)"))
        continue
      }
      if let early = inner.body.firstEarlyItem(steps, ready) {
        fault(early, "before what it reads is final")
      }
      for (item, step) in steps.enumerated() {
        if item > 0, steps[item - 1] > step { fault(item, "before an item that sums count first") }
        let others = inner.body.spans(of: item).contains { span in
          folds[span.buffer].map { !$0.holds(span, in: step) } ?? false
        }
        if others { fault(item, "and uses another turn's part of a buffer") }
      }
    }
    return faults
  }
}
