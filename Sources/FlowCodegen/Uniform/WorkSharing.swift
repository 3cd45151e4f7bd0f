import FlowIR

/// Shares the steps of a program among threads, and puts barriers where a thread reads another's
/// work.
struct WorkSharing {
  private(set) var steps: [Step] = []
  /// What was written since the last barrier.
  private var written: [Storage.Location: Share] = [:]
  /// What was written at all.
  private var made: [Storage.Location: Share] = [:]
  /// The length of each line.
  private var lines = [0]
  /// How threads share the next value of each argument that has one.
  private var nextShares: [Storage.Location: Share] = [:]
  private let function: Function
  private let storage: Storage

  private init(_ function: Function, _ storage: Storage) {
    self.function = function
    self.storage = storage
  }

  /// The steps that run when parameters change: what depends on them alone.
  static func preparing(
    _ function: Function, _ loops: UniformLoops, _ packings: [Packing], _ storage: Storage,
    _ inverses: [InverseSearch]
  ) -> StepList {
    var sharing = WorkSharing(function, storage)
    sharing.add(loops.levels[0])
    sharing.add(packings, level: 0)
    for search in inverses { sharing.add(search) }
    return sharing.list
  }

  /// The steps of a call: level by level, each followed by the loop over rows that it is for.
  static func calling(
    _ function: Function, _ loops: UniformLoops, _ packings: [Packing], _ storage: Storage,
    _ phases: [RowPhase], _ gradients: GradientOrders
  ) -> StepList {
    var first = WorkSharing(function, storage)
    first.addCall(loops, packings, phases, gradients)
    let nextShares = first.sharesOfNextValues
    if nextShares.isEmpty { return first.list }
    // What a thread has updated in one call it packs in the next, whose first steps that is.
    var sharing = WorkSharing(function, storage)
    sharing.nextShares = nextShares
    sharing.addCall(loops, packings, phases, gradients)
    return sharing.list
  }

  private mutating func addCall(
    _ loops: UniformLoops, _ packings: [Packing], _ phases: [RowPhase],
    _ gradients: GradientOrders
  ) {
    var slotOffset = 0
    for level in 1..<max(loops.levels.count, phases.count + 1) {
      if level < loops.levels.count { add(loops.levels[level]) }
      add(packings, level: level)
      if level - 1 < phases.count {
        let phase = phases[level - 1]
        add(phase, RowsStep(phase: level - 1, slotOffset: slotOffset), gradients)
        slotOffset += phase.slots.elements
      }
    }
    addStores()
  }

  private var sharesOfNextValues: [Storage.Location: Share] {
    var shares: [Storage.Location: Share] = [:]
    for (result, argument) in function.nextValues {
      if let place = storage.locations[argument.value],
        let location = storage.locations[function.results[result].value]
      {
        shares[place] = made[location]
      }
    }
    return shares
  }

  private var list: StepList { StepList(steps: steps, lines: lines) }

  private mutating func add(_ loops: [UniformLoop]) {
    for loop in loops {
      let share: Share
      if loop.isPointwise {
        share = self.share(loop.count, like: places(loop.elementwise))
      } else {
        share = loop.isSplit(function) ? .apart : .one(writer(of: places(loop.whole)))
      }
      wait(share, elementwise: places(loop.elementwise), whole: places(loop.whole))
      steps.append(
        .uniform(
          UniformStep(
            operations: loop.operations, count: loop.count, stored: loop.stored,
            share: share, elementwise: loop.elementwise, whole: loop.whole)))
      for location in places(loop.stored) { wrote(location, share) }
    }
  }

  private mutating func add(_ packings: [Packing], level: Int) {
    for (index, packing) in packings.enumerated() where packing.level == level {
      wait(.apart, elementwise: [], whole: places(packing.sources))
      let share = storage.locations[packing.weight.base].flatMap { nextShares[$0] } ?? .apart
      steps.append(.pack(PackStep(pack: index, share: share)))
      wrote(storage.packs[index], share)
    }
  }

  private mutating func add(_ search: InverseSearch) {
    let packs = search.packs.map { storage.packs[$0] }
    wait(.apart, elementwise: [], whole: places(search.uniforms) + packs)
    steps.append(.invert(InvertStep(inverse: search.table.number)))
    wrote(storage.inverses[search.table.number], .apart)
  }

  private mutating func add(_ phase: RowPhase, _ rows: RowsStep, _ gradients: GradientOrders) {
    barrier()
    steps.append(.rows(rows))
    if phase.reductions.isEmpty { return }
    // All slots are complete before they are added up.
    steps.append(.barrier)
    for (index, reduction) in phase.reductions.enumerated() {
      let order = gradients.orders[reduction.value]
      let target = order?.target ?? reduction.value
      guard let location = storage.locations[target] else { continue }
      let share = next(function.type(of: target).elementCount)
      wrote(location, share)
      steps.append(
        .combine(
          CombineStep(
            phase: rows.phase, reduction: index, target: target, order: order, share: share)))
    }
  }

  /// Uniform results that lie elsewhere are copied at the end.
  private mutating func addStores() {
    for (index, result) in function.results.enumerated()
    where !function.type(of: result.value).hasRows {
      guard let location = storage.locations[result.value], location != .result(index) else {
        continue
      }
      wait(.one(.start), elementwise: [], whole: [location])
      steps.append(.store(StoreStep(value: result.value, result: index)))
    }
  }

  private func places(_ values: [Value]) -> [Storage.Location] {
    values.compactMap { storage.locations[$0] }
  }

  /// How threads share a new value. What is smaller than a cache line, such as the sum of a loss, is the
  /// first thread's, so that what is made of several such values need not wait.
  private mutating func next(_ count: Int) -> Share {
    if count < Storage.rounded(1) { return .one(.start) }
    let last = lines.count - 1
    let place = Share.Place(line: last, offset: lines[last])
    lines[last] += Storage.rounded(count)
    return count < Share.smallest ? .one(place) : .piece(place, count: count)
  }

  /// How threads share what is made element by element of these values: as one of those; else few
  /// elements are the first thread's.
  private mutating func share(_ count: Int, like locations: [Storage.Location]) -> Share {
    for location in locations {
      switch made[location] {
      case .one(let place) where count < Share.smallest: return .one(place)
      case .piece(let place, count) where count >= Share.smallest:
        return .piece(place, count: count)
      case .one, .piece, .apart, nil: continue
      }
    }
    return count < Share.smallest ? .one(.start) : next(count)
  }

  /// The thread that has written one of these values, so that it need not wait to read it; else the
  /// first.
  private func writer(of locations: [Storage.Location]) -> Share.Place {
    for location in locations {
      if case .one(let place)? = written[location] { return place }
    }
    return .start
  }

  /// Adds a barrier if a reader with this share needs one before it reads values, some element by
  /// element, some as a whole.
  private mutating func wait(
    _ share: Share, elementwise: [Storage.Location], whole: [Storage.Location]
  ) {
    let foreign =
      elementwise.contains { written[$0].map { $0 != share || share == .apart } ?? false }
      || whole.contains { written[$0].map { $0 != share || !share.isOne } ?? false }
    if foreign { barrier() }
  }

  private mutating func wrote(_ location: Storage.Location, _ share: Share) {
    written[location] = share
    made[location] = share
  }

  /// Adds a barrier, if anything was written since the last.
  private mutating func barrier() {
    if written.isEmpty { return }
    written = [:]
    lines.append(0)
    steps.append(.barrier)
  }
}
