extension RecomputePlan {
  /// The choices as a table, with sums at its end; `flowir dump --cost` prints it.
  public var text: String {
    func right(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(width - text.count, 0)) + text
    }
    func line(_ columns: [String], _ rest: String) -> String {
      columns.map { right($0, 12) }.joined() + "  " + rest
    }
    var lines = [line(["keeping", "computing"], "instructions a row; choice; value")]
    for decision in decisions {
      let place = decision.operation.scope.path
      let type = flow.function.type(of: decision.value)
      lines.append(
        line(
          ["\(decision.keeping)", decision.computing.map { "\($0)" } ?? "-"],
          "\(decision.verdict.rawValue): \(decision.operation.opcode.name) : \(type)"
            + (place.isEmpty ? "" : "  // \(place)")))
    }
    func sum(_ verdicts: [Verdict], _ part: (Decision) -> Int) -> Int {
      decisions.filter { verdicts.contains($0.verdict) }.map(part).reduce(0, +)
    }
    let kept: [Verdict] = [.kept, .keptForOthers]
    lines.append(
      line(
        ["\(sum(kept) { $0.keeping })", ""],
        "to keep \(sum(kept) { $0.elements }) numbers a row"))
    lines.append(
      line(
        ["", "\(sum([.recomputed]) { $0.computing ?? 0 })"],
        "to compute \(sum([.recomputed]) { $0.elements }) numbers again"))
    return lines.joined(separator: "\n")
  }
}
