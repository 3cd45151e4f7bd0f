import FlowIR

/// Operations with regions.
extension ProgramMaker {
  mutating func inverse() throws {
    let y = float { $0.hasRows && $0.rank == 1 }
    let n = type(y).shape[0]
    let x = builder.beginRegion([type(y)])[0]
    let bits = (0..<n * n).map { $0 % n < $0 / n }
    let masked = try builder.emit(
      .linear(Mask(rows: n, columns: n, bits: bits)), x, constant([n, n]))
    let shift = try tanh(masked)
    let next = try builder.emit(.binary(.subtract), y, shift)
    var yielded = [next]
    if below(2) == 0 { yielded.append(try builder.emit(.reduce(.sum, axis: 0), shift)) }
    let region = builder.endRegion(results: yielded)
    pool += try builder.append(.autoregressiveInverse(passes: n), regions: [region])
  }

  mutating func solve() throws {
    let state = float { $0.hasRows && $0.rank == 1 }
    let n = type(state).shape[0]
    let times = [0.0, 0.7].map { builder.splat($0, shape: [], dtype: dtype) }
    let arguments = builder.beginRegion([.row([], dtype), type(state)])
    let hidden = try builder.emit(.linear(nil), arguments[1], constant([n, n]))
    let time = try broadcast(arguments[0], [n])
    let slope = try tanh(try builder.emit(.binary(.add), hidden, time))
    let region = builder.endRegion(results: [slope])
    pool += try builder.append(
      .odeSolve(ODEControl(atol: 1e-6, rtol: 1e-6, steps: 64), isRecorded: false),
      times + [state], regions: [region])
  }

  mutating func root() throws {
    let target = float { $0.hasRows }
    guard type(target).hasRows else { return }
    let factor = try positive(like(target))
    let x = builder.beginRegion([type(target)])[0]
    let curve = try tanh(x)
    let value = try builder.emit(
      .binary(.add), try builder.emit(.binary(.multiply), x, factor), curve)
    let square = try builder.emit(.unary(.square), curve)
    let one = builder.splat(1, shape: type(target).shape, dtype: dtype)
    let slope = try builder.emit(
      .binary(.add), factor, try builder.emit(.binary(.subtract), one, square))
    let region = builder.endRegion(results: [value, slope])
    let isBounded = below(2) == 0
    pool += try builder.append(
      .monotoneRoot(lower: isBounded ? -0.3 : -.infinity, upper: isBounded ? 0.4 : .infinity),
      [target], regions: [region])
  }

  mutating func quadrature() throws {
    let a = float { $0.hasRows && $0.rank == 1 }
    let b = like(a)
    guard type(b).hasRows, type(a).hasRows else { return }
    let weight = like(a)
    let arguments = builder.beginRegion([type(a), type(a)])
    let product = try builder.emit(.binary(.multiply), arguments[0], weight)
    let value = try builder.emit(.binary(.multiply), try tanh(product), arguments[1])
    let region = builder.endRegion(results: [value])
    pool += try builder.append(
      .quadrature(nodes: 1 + below(8)), [a, b], regions: [region])
  }
}
