extension StepsNode {
  func earlyReads(_ place: String) -> [Fault] {
    guard isIncremental else { return [] }
    var faults: [Fault] = []
    // A state element takes part in the step after the one that writes it.
    let written = Readiness()
    for inner in nodes {
      for item in inner.itemSteps.indices {
        for span in inner.body.writes(of: item) where span.buffer == next {
          written.raise(span, to: inner.itemSteps[item])
        }
      }
    }
    let ready = Readiness()
    for (element, step) in written.steps(next).enumerated() {
      ready.raise(Span(state, element..<element + 1), to: step + 1)
    }
    for inner in nodes {
      if inner.itemSteps.count != inner.body.items
        || inner.itemSteps.contains(where: { !(0..<steps).contains($0) })
      {
        faults.append(
          Fault(.final, "\(place): items of \(inner.body) have no step among \(steps)"))
        continue
      }
      if let early = inner.body.firstEarlyItem(inner.itemSteps, ready) {
        faults.append(
          Fault(
            .final,
            "\(place): item \(early) of a node at '\(inner.scope.path)' runs in step "
              + "\(inner.itemSteps[early]), before what it reads is final"))
      }
    }
    return faults
  }
}
