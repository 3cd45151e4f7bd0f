extension Interpreter {
  /// The progress of one row through an ODE.
  private struct Walk {
    var t: Double
    var dt: Double
    let end: Double
    /// The states, one after the other.
    var x: [Double]
    /// The derivatives of all stages.
    var k: [[Double]]
    var isDone = false
    var isFailed = false
    /// The error of the last accepted step, and whether a step has been rejected since.
    var previous = 1.0
    var isRejected = false
    /// The accepted steps: time, size, states before.
    var record: [[Double]] = []
  }

  /// Adaptive steps of Dormand and Prince's method, each row with sizes of its own.
  ///
  /// A step is accepted if `max |error| / (atol + rtol max(|before|, |after|))` is below 1; the
  /// next is `min(10, max(0.1, 0.9 error^-0.17 previous^0.04))` times as long, where `previous` is the
  /// error of the last accepted step; a rejected step does not look back, and the step after it is not
  /// longer (Hairer, Nørsett and Wanner, "Solving Ordinary Differential Equations", I, II.4 and II, IV.2).
  mutating func runSolve(_ operation: TensorOperation, _ control: ODEControl, isRecorded: Bool) {
    let region = operation.regions[0]
    let (starts, ends) = (everyRow(operation.operands[0]), everyRow(operation.operands[1]))
    let states = operation.operands.dropFirst(2).map { everyRow($0) }
    var walks = (0..<rows).map { row in
      let x = states.flatMap { $0[row] }
      return Walk(
        t: starts[row][0], dt: ends[row][0] - starts[row][0], end: ends[row][0], x: x,
        k: Array(repeating: Array(repeating: 0, count: x.count), count: 7))
    }
    evaluate(stage: 0, &walks, region)
    for row in walks.indices {
      let numbers = walks[row].x + walks[row].k[0] + [walks[row].dt]
      walks[row].isFailed = !numbers.allSatisfy(\.isFinite)
      walks[row].isDone = walks[row].isFailed || walks[row].dt == 0
    }
    guessSteps(&walks, control, region)
    for _ in 0..<control.steps where walks.contains(where: { !$0.isDone }) {
      for stage in 1..<7 { evaluate(stage: stage, &walks, region) }
      for row in walks.indices where !walks[row].isDone { advance(&walks[row], control) }
    }
    for row in walks.indices where walks[row].isFailed || !walks[row].isDone {
      walks[row].isFailed = true
      walks[row].record = []
      walks[row].x = walks[row].x.map { _ in .nan }
    }
    store(walks.map(\.x), in: operation.results.prefix(states.count))
    if isRecorded, let result = operation.results.last {
      // Rows that are done keep a step of size 0 at the end of time.
      let values = walks.map { walk -> [Double] in
        let pause = [[walk.end, 0] + walk.x.map { walk.isFailed ? 0 : $0 }]
        let pauses = Array(repeating: pause, count: control.steps - walk.record.count)
        return (walk.record + pauses.joined()).flatMap { $0 }
      }
      store(values, in: [result])
    }
  }

  /// The first step of each row, from the derivatives at the start and a little later.
  ///
  /// In units of the tolerated error and of the way, with the state's size d₀ and the sizes d₁ and d₂ of its
  /// first two derivatives, the derivatives are evaluated again after an Euler step of 0.01 d₀/d₁, and the
  /// first step is `max(d₁, d₂)^(-1/5)`.
  private mutating func guessSteps(
    _ walks: inout [Walk], _ control: ODEControl, _ region: Region
  ) {
    func size(_ numbers: [Double], _ walk: Walk) -> Double {
      zip(numbers, walk.x).reduce(0) { worst, pair in
        let unit = control.atol + control.rtol * pair.1.magnitude
        let ratio = unit > 0 ? pair.0.magnitude / unit : 0
        return ratio < .infinity ? Swift.max(worst, ratio) : .infinity
      }
    }
    var parts: [Double] = []
    for row in walks.indices {
      let walk = walks[row]
      let way = walk.end - walk.t
      let part = 0.01 * size(walk.x, walk) / (size(walk.k[0], walk) * way.magnitude)
      parts.append(part > 1e-4 ? Swift.min(part, 1) : 1e-4)
      // The second stage lies at a fifth of the step.
      walks[row].dt = walk.isDone ? 0 : 5 * parts[row] * way
    }
    evaluate(stage: 1, &walks, region)
    for row in walks.indices where !walks[row].isDone {
      let walk = walks[row]
      let way = walk.end - walk.t
      let first = size(walk.k[0], walk) * way.magnitude
      let change = size(zip(walk.k[0], walk.k[1]).map { $1 - $0 }, walk)
      let second = change * way.magnitude / parts[row]
      let length = RealMath.pow(Swift.max(first, second), -0.2)
      walks[row].dt = (length > 1e-6 ? Swift.min(length, 1) : 1e-6) * way
    }
  }

  private func advance(_ walk: inout Walk, _ control: ODEControl) {
    let next = Self.point(walk.x, walk.k, walk.dt, DormandPrince.weights[6])
    var worst = 0.0
    for index in walk.x.indices {
      let weights = zip(walk.k, DormandPrince.errors)
      let error = weights.reduce(0) { $0 + $1.0[index] * $1.1 } * walk.dt
      let scale =
        control.atol + control.rtol * Swift.max(walk.x[index].magnitude, next[index].magnitude)
      // No error is small enough even where none is tolerated.
      let ratio = error == 0 ? 0 : error.magnitude / scale
      // An error that is NaN counts as too large.
      worst = ratio < .infinity ? Swift.max(worst, ratio) : .infinity
    }
    worst = Swift.max(worst, 1e-9)
    let left = walk.end - walk.t
    var factor = 0.9 * RealMath.pow(worst, -0.17)
    let most = walk.isRejected ? 1.0 : 10
    walk.isRejected = !(worst < 1)
    if worst < 1 {
      factor *= RealMath.pow(walk.previous, 0.04)
      walk.previous = Swift.max(worst, 1e-4)
      walk.record.append([walk.t, walk.dt] + walk.x)
      // A step slightly shorter than the remaining time can still reach the end by rounding.
      let isLast = walk.dt.magnitude >= left.magnitude || walk.t + walk.dt == walk.end
      walk.t = isLast ? walk.end : walk.t + walk.dt
      walk.x = next
      walk.k[0] = walk.k[6]
      if isLast { walk.isDone = true }
    }
    walk.dt *= Swift.min(most, Swift.max(0.1, factor))
    let rest = walk.end - walk.t
    if walk.dt.magnitude > rest.magnitude { walk.dt = rest }
    if !walk.isDone, walk.t + walk.dt == walk.t || !walk.dt.isFinite {
      walk.isFailed = true
      walk.isDone = true
    }
    if walk.isDone { walk.dt = 0 }
  }

  /// `x + dt Σ weights[i] k[i]`.
  private static func point(
    _ x: [Double], _ k: [[Double]], _ dt: Double, _ weights: [Double]
  ) -> [Double] {
    x.indices.map { index in
      x[index] + dt * zip(weights, k).reduce(0) { $0 + $1.0 * $1.1[index] }
    }
  }

  /// Runs the region at a stage of each row's step.
  private mutating func evaluate(stage: Int, _ walks: inout [Walk], _ region: Region) {
    let weights = DormandPrince.weights[stage]
    store(walks.map { [$0.t + DormandPrince.nodes[stage] * $0.dt] }, in: [region.arguments[0]])
    store(
      walks.map { Self.point($0.x, $0.k, $0.dt, weights) }, in: region.arguments.dropFirst())
    run(region.operations)
    let parts = region.results.map { everyRow($0) }
    for row in walks.indices { walks[row].k[stage] = parts.flatMap { $0[row] } }
  }

  /// The adjoint of the recorded steps, each replayed from its start: with the states `X_i` of the
  /// stages and the cotangent `y` of the states after the step, for the stages from the last,
  /// `g_i = dt (b_i y + Σ_{j > i} a_ji h_j)`, `h_i = g_iᵀ ∂f/∂x(X_i)`; the cotangent before the step
  /// is `y + Σ h_i`.
  mutating func runAdjoint(_ operation: TensorOperation, steps: Int) {
    let (dynamics, adjoint) = (operation.regions[0], operation.regions[1])
    let record = everyRow(operation.operands[0])
    let parts = operation.operands.dropFirst().map { everyRow($0) }
    var cotangents = (0..<rows).map { row in parts.flatMap { $0[row] } }
    let extras = operation.results.dropFirst(parts.count)
    var sums = extras.map { result -> [Double] in
      let type = function.type(of: result)
      return Array(repeating: 0, count: (type.hasRows ? rows : 1) * type.elementCount)
    }
    let width = 2 + (cotangents.first?.count ?? 0)
    for step in (0..<steps).reversed() {
      var walks = (0..<rows).map { row in
        let entry = Array(record[row][step * width..<(step + 1) * width])
        let x = Array(entry.dropFirst(2))
        return Walk(
          t: entry[0], dt: entry[1], end: entry[0], x: x,
          k: Array(repeating: Array(repeating: 0, count: x.count), count: 7))
      }
      guard walks.contains(where: { $0.dt != 0 }) else { continue }
      for stage in 0..<5 { evaluate(stage: stage, &walks, dynamics) }
      var inner = cotangents.map { row in
        Array(repeating: row.map { _ in 0.0 }, count: 6)
      }
      for stage in (0..<6).reversed() {
        let weights = DormandPrince.weights[stage]
        store(
          walks.map { [$0.t + DormandPrince.nodes[stage] * $0.dt] }, in: [adjoint.arguments[0]])
        store(
          walks.map { Self.point($0.x, $0.k, $0.dt, weights) },
          in: adjoint.arguments[1...parts.count])
        store(
          walks.indices.map { row in
            cotangents[row].indices.map { index in
              var sum = DormandPrince.weights[6][stage] * cotangents[row][index]
              for later in stage + 1..<6 {
                sum += DormandPrince.weights[later][stage] * inner[row][later][index]
              }
              return walks[row].dt == 0 ? 0 : walks[row].dt * sum
            }
          }, in: adjoint.arguments.dropFirst(1 + parts.count))
        run(adjoint.operations)
        let found = adjoint.results.prefix(parts.count).map { everyRow($0) }
        for row in walks.indices { inner[row][stage] = found.flatMap { $0[row] } }
        for (index, result) in adjoint.results.dropFirst(parts.count).enumerated() {
          let part = value(result)
          let count = part.type.elementCount
          for (element, number) in part.values.enumerated()
          where !part.type.hasRows || walks[element / count].dt != 0 {
            sums[index][element] += number
          }
        }
      }
      for row in walks.indices where walks[row].dt != 0 {
        for index in cotangents[row].indices {
          cotangents[row][index] += (0..<6).reduce(0) { $0 + inner[row][$1][index] }
        }
      }
    }
    store(cotangents, in: operation.results.prefix(parts.count))
    for (result, sum) in zip(extras, sums) {
      values[result] = InterpreterTensor(type: function.type(of: result), values: sum)
    }
  }

  /// The elements of each row of a value; a uniform value has the same elements in every row.
  private func everyRow(_ value: Value) -> [[Double]] {
    let tensor = self.value(value)
    let count = tensor.type.elementCount
    return (0..<rows).map { row in
      let start = tensor.type.hasRows ? row * count : 0
      return Array(tensor.values[start..<start + count])
    }
  }

  /// Splits the numbers of each row into those of consecutive values.
  private mutating func store(_ numbers: [[Double]], in targets: some Sequence<Value>) {
    var start = 0
    for target in targets {
      let type = function.type(of: target)
      let end = start + type.elementCount
      values[target] = InterpreterTensor(
        type: type, values: numbers.flatMap { $0[start..<end] })
      start = end
    }
  }
}
