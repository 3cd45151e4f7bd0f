extension TileProgram {
  /// `written`, `barrier`, `once`, `share`, and what of `bounds` concerns preparing.
  func stepFaults() -> [Fault] {
    var check = StepCheck(self)
    check.run(prepare, "prepare")
    for step in prepare.steps {
      for location in access(step)?.written ?? [] {
        switch location {
        case .state: continue
        case .argument, .result, .work, .table:
          check.faults.append(Fault(.bounds, "preparing writes \(location)"))
        }
      }
    }
    check.run(call, "call")
    return check.faults
  }

  /// `sums`.
  func sumFaults() -> [Fault] {
    var faults: [Fault] = []
    for (index, phase) in phases.enumerated() {
      let slots = phase.slots
      // Each loop's sums have a piece of a slot to themselves.
      for step in call.steps {
        guard case .rows(let rows) = step, rows.phase == index, !slots.isEmpty else { continue }
        let start = phases[..<index].map(\.slots.elements).reduce(0, +)
        if rows.slotOffset != start {
          faults.append(
            Fault(.sums, "rows \(index) adds up at \(rows.slotOffset) of a slot, not \(start)"))
        }
      }
      for (number, reduction) in phase.reductions.enumerated() {
        let end = slots.offsets[number] + reduction.elements
        let size = slots.ranges[number] == nil ? slots.doubles : slots.reals
        if end > size {
          faults.append(Fault(.sums, "reduction \(number) of rows \(index) leaves its slot"))
        }
      }
    }
    var ready: Set<Int> = []
    var last: Int?
    var combined: Set<[Int]> = []
    for step in call.steps {
      switch step {
      case .rows(let rows): last = rows.phase
      case .barrier:
        if let phase = last { ready.insert(phase) }
      case .combine(let combine):
        if !ready.contains(combine.phase) {
          faults.append(
            Fault(.sums, "a sum of rows \(combine.phase) is added up before all threads made it"))
        }
        if !combined.insert([combine.phase, combine.reduction]).inserted {
          faults.append(
            Fault(.sums, "reduction \(combine.reduction) of rows \(combine.phase) comes twice"))
        }
      case .uniform, .pack, .invert, .store: continue
      }
    }
    return faults
  }

  /// `results`, and what of `once` concerns results and loops over rows.
  func resultFaults() -> [Fault] {
    var writes = [Int](repeating: 0, count: function.results.count)
    var runs = [Int](repeating: 0, count: phases.count)
    for step in call.steps {
      for location in access(step)?.written ?? [] {
        if case .result(let index) = location { writes[index] += 1 }
      }
      guard case .rows(let rows) = step else { continue }
      runs[rows.phase] += 1
      for index in phases[rows.phase].nodes.flatMap(\.body.results) { writes[index] += 1 }
    }
    return writes.indices.filter { writes[$0] == 0 }
      .map { Fault(.results, "\(function.results[$0].name) is never written") }
      + writes.indices.filter { writes[$0] > 1 }
      .map { Fault(.once, "\(function.results[$0].name) is written \(writes[$0]) times") }
      + runs.indices.filter { runs[$0] != 1 }
      .map { Fault(.once, "rows \($0) runs \(runs[$0]) times") }
  }
}

/// Follows the steps of a program and notes who has written what.
private struct StepCheck {
  let program: TileProgram
  var faults: [Fault] = []
  /// What was written, and by whom if no barrier stands in between.
  private var written: [Storage.Location: Share?] = [:]

  init(_ program: TileProgram) { self.program = program }

  mutating func run(_ list: StepList, _ part: String) {
    for (index, step) in list.steps.enumerated() {
      guard let access = program.access(step) else {
        for location in written.keys { written[location] = .some(nil) }
        continue
      }
      let place = "step \(index) of \(part)"
      for location in access.elementwise {
        read(location, by: access.share, isElementwise: true, place)
      }
      for location in access.whole {
        read(location, by: access.share, isElementwise: false, place)
      }
      for location in access.written {
        if written.updateValue(access.share, forKey: location) != nil {
          faults.append(Fault(.once, "\(place) writes \(location) again"))
        }
      }
      check(access.share, list, place)
    }
    // The end of a parallel region is a barrier.
    for location in written.keys { written[location] = .some(nil) }
  }

  private mutating func read(
    _ location: Storage.Location, by share: Share, isElementwise: Bool, _ place: String
  ) {
    switch location {
    case .argument, .table: return
    case .result, .state, .work: break
    }
    guard let writer = written[location] else {
      faults.append(Fault(.written, "\(place) reads \(location), which nothing has written"))
      return
    }
    guard let writer else { return }
    let isOwn = writer == share && (isElementwise ? share != .apart : share.isOne)
    if !isOwn {
      faults.append(Fault(.barrier, "\(place) reads \(location), which other threads write"))
    }
  }

  private mutating func check(_ share: Share, _ list: StepList, _ place: String) {
    let end: Int
    let line: Int
    switch share {
    case .one(.start), .apart: return
    case .one(let at): (line, end) = (at.line, at.offset + 1)
    case .piece(let at, let count): (line, end) = (at.line, at.offset + count)
    }
    if !list.lines.indices.contains(line) || end > list.lines[line] {
      faults.append(Fault(.share, "\(place) has a piece up to \(end) of line \(line)"))
    }
  }
}
