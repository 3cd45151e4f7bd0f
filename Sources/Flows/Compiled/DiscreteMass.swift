import FlowIR
import FlowRuntime
import Foundation

/// The logarithms of the probabilities of rows with discrete columns: of the cell of such columns, times the
/// density of the others.
///
/// Where one column is discrete and the last that an autoregressive flow transforms, so that no other feature
/// depends on it, or the only one, the integral over its cell is a difference of the distribution function
/// of the normal base, which is exact. Otherwise it is the mean of the density over points of a lattice in
/// the cell, in eight groups whose shifts are random; their spread is the standard error.
///
///     let mass = try DiscreteMass<Float>(model)
///     let (logMass, standardError) = try mass(x, context: c)
public struct DiscreteMass<Scalar: FlowScalar>: Sendable {
  /// Whether the masses are exact.
  public var isExact: Bool { exact != nil }
  /// The number of points of an estimate.
  public let points: Int
  private let exact: BoundFunction?
  private let flow: CompiledFlow<Scalar>
  private let columns: [DiscreteColumn]

  private static var groups: Int { 8 }

  /// Prepares the masses of a model with discrete columns.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - points: how many points an estimate has; it is rounded up to a multiple of 8.
  /// - Throws: `RuntimeError` if there is no compiler.
  public init(_ model: Model, points: Int = 256) throws {
    let exact = try model.cell().map { function in
      try CompiledFunction(function.optimized()).bind(model.values)
    }
    self.init(try model.compiled(Scalar.self), model.discrete, points: points, exact: exact)
  }

  /// Prepares estimates for a compiled flow.
  public init(_ flow: CompiledFlow<Scalar>, _ columns: [DiscreteColumn], points: Int = 256) {
    self.init(flow, columns, points: points, exact: nil)
  }

  private init(
    _ flow: CompiledFlow<Scalar>, _ columns: [DiscreteColumn], points: Int, exact: BoundFunction?
  ) {
    (self.flow, self.columns, self.exact) = (flow, columns, exact)
    self.points = max((points + Self.groups - 1) / Self.groups, 1) * Self.groups
  }

  /// The logarithm of each row's mass in nats, and its standard error, which is 0 where it is exact. A number
  /// that is not of its grid has a mass of 0.
  ///
  /// - Throws: `RuntimeError` for rows or contexts that do not fit.
  public func callAsFunction(
    _ x: Rows<Scalar>, context: Rows<Scalar>? = nil, threads: Int? = nil
  ) throws -> (logMass: [Double], standardError: [Double]) {
    var found: (logMass: [Double], standardError: [Double])
    if let exact {
      found = (
        try logMass(exact, x, context, threads), [Double](repeating: 0, count: x.count)
      )
    } else {
      found = ([], [])
      // A call's rows are as many points as fit in memory, whatever the number of rows is.
      let size = max((1 << 19) / points, 1)
      for start in stride(from: 0, to: x.count, by: size) {
        let rows = start..<min(start + size, x.count)
        let part = try estimate(x, rows, context, threads)
        found.logMass += part.logMass
        found.standardError += part.standardError
      }
    }
    for row in 0..<x.count {
      let isOff = columns.contains { !$0.holds(Double(x.values[row * x.columns + $0.feature])) }
      guard isOff, !found.logMass[row].isNaN else { continue }
      (found.logMass[row], found.standardError[row]) = (-.infinity, 0)
    }
    return found
  }

  private func logMass(
    _ exact: BoundFunction, _ x: Rows<Scalar>, _ context: Rows<Scalar>?, _ threads: Int?
  ) throws -> [Double] {
    var inputs = ["x": HostArray(x.values.map { Double($0) }, shape: [x.count, x.columns])]
    if let context {
      inputs["context"] = HostArray(
        context.values.map { Double($0) }, shape: [context.count, context.columns])
    }
    let results = try exact(inputs, rows: x.count, threads: threads)
    func numbers(_ name: String) -> [Double] { results[name]?.doubles ?? [] }
    let (lower, upper, rest) = (numbers("lower"), numbers("upper"), numbers("rest"))
    return (0..<x.count).map { row in
      rest[row] == -.infinity ? rest[row] : rest[row] + logNormalMass(lower[row], upper[row])
    }
  }

  private func estimate(
    _ x: Rows<Scalar>, _ rows: Range<Int>, _ context: Rows<Scalar>?, _ threads: Int?
  ) throws -> (logMass: [Double], standardError: [Double]) {
    let shifts = shifts()
    var table: [Scalar] = []
    table.reserveCapacity(rows.count * points * x.columns)
    for row in rows {
      let values = x.values[row * x.columns..<(row + 1) * x.columns]
      for shift in shifts {
        let start = table.count
        table += values
        for (column, shift) in zip(columns, shift) {
          table[start + column.feature] += Scalar(column.step * shift)
        }
      }
    }
    let conditions = context.map { context in
      context.count == 1
        ? context
        : Rows(
          Array(
            context.values[rows.lowerBound * context.columns..<rows.upperBound * context.columns]),
          columns: context.columns)
    }
    let logProb = try flow.logProb(
      Rows(table, columns: x.columns), context: conditions, threads: threads)
    let volume = columns.reduce(0) { $0 + Foundation.log($1.step) }
    var (masses, errors): ([Double], [Double]) = ([], [])
    for row in 0..<rows.count {
      let values = logProb[row * points..<(row + 1) * points].map { Double($0) }
      guard !values.contains(where: \.isNaN) else {
        masses.append(.nan)
        errors.append(.nan)
        continue
      }
      let largest = values.max() ?? 0
      guard largest > -.infinity else {
        masses.append(-.infinity)
        errors.append(0)
        continue
      }
      let each = points / Self.groups
      let means = (0..<Self.groups).map { group in
        values[group * each..<(group + 1) * each].reduce(0) { $0 + Foundation.exp($1 - largest) }
          / Double(each)
      }
      let mean = means.reduce(0, +) / Double(Self.groups)
      let squares = means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      masses.append(largest + Foundation.log(mean) + volume)
      errors.append((squares / Double(Self.groups * (Self.groups - 1))).squareRoot() / mean)
    }
    return (masses, errors)
  }

  /// Points in the cell, in steps from its middle: those of a lattice of the generalized golden ratio, shifted
  /// at random in each group, and folded so that both ends of a cell meet.
  private func shifts() -> [[Double]] {
    var ratio = 1.5
    for _ in 0..<60 { ratio = power(1 + ratio, 1 / Double(columns.count + 1)) }
    let each = points / Self.groups
    var generator = SeededGenerator(seed: 0x6365_6c6c)
    return (0..<Self.groups).flatMap { _ in
      let start = columns.map { _ in generator.uniform() }
      return (0..<each).map { point in
        start.enumerated().map { index, start in
          let pace =
            columns.count == 1 ? 1 / Double(each) : power(ratio, -Double(index + 1))
          let u = (start + Double(point) * pace).truncatingRemainder(dividingBy: 1)
          return 0.5 - abs(2 * u - 1)
        }
      }
    }
  }
}

/// The logarithm of a standard normal distribution's mass between two numbers.
func logNormalMass(_ first: Double, _ second: Double) -> Double {
  guard !first.isNaN, !second.isNaN else { return .nan }
  var (a, b) = (min(first, second), max(first, second))
  // In the lower tail, where the distribution function has all its digits.
  if a + b > 0 { (a, b) = (-b, -a) }
  if b - a < 1e-5 {
    // Their difference has few digits, and the density hardly changes.
    let middle = (a + b) / 2
    return -0.5 * middle * middle - 0.5 * Foundation.log(2 * Double.pi) + Foundation.log(b - a)
  }
  let mass = 0.5 * (erfc(-b / 2.0.squareRoot()) - erfc(-a / 2.0.squareRoot()))
  if mass > 1e-290 { return Foundation.log(mass) }
  // Far out: the density at the nearer end over its slope, less what is beyond the other.
  let width = -Foundation.expm1(-min((b - a) * abs(b), 700)) / max(abs(b), 1)
  return -0.5 * b * b - 0.5 * Foundation.log(2 * Double.pi) + Foundation.log(width)
}

extension Model {
  /// The ends of each row's cell in the base, and the log-density of the other features: `lower`, `upper`,
  /// `rest`; nil for a flow that does not tell them.
  func cell() -> TracedFunction? {
    guard discrete.count == 1, let column = discrete.first else { return nil }
    let index = column.feature
    let trace = Trace(name: "cell", dtype: .f64)
    return trace {
      let x = trace.rows("x", [features])
      let context = context > 0 ? trace.rows("context", [context]) : nil
      guard features == 1 || flow.isLast(index, trace) else { return nil }
      let flow = flow.normalizingFlow(context)
      guard let base = flow.base as? DiagNormal else { return nil }
      func element(_ x: Tensor) -> Tensor { x.slice(index, index + 1) }
      func standard(_ x: Tensor) -> Tensor {
        (element(flow.transform(x)) - element(base.loc)) / element(base.scale)
      }
      func moved(_ shares: Double) -> Tensor {
        x
          + trace.constant(
            (0..<features).map { $0 == index ? shares * column.step : 0 }, shape: [features])
      }
      let ends = [-0.5, 0.5].map { standard(moved($0)).reshaped([]) }
      var rest = element(x).reshaped([]) * 0
      if features > 1 {
        let logProb = flow.logProb(x)
        let own = standard(x)
        let (_, slopes) = x.valueAndPullback(of: { element(flow.transform($0)) })
        let density =
          -0.5 * square(own) - log(element(base.scale)) - 0.9189385332046727
          + log(abs(element(slopes)))
        rest = select(
          logProb .<= -Double.infinity, logProb, logProb - density.reshaped([]))
      }
      return TracedFunction(
        trace.finish(
          [("lower", ends[0]), ("upper", ends[1]), ("rest", rest)].map {
            (name: $0.0, tensor: $0.1)
          }))
    }
  }
}

extension Flow {
  /// Whether nothing but the image of a feature depends on that feature.
  fileprivate func isLast(_ feature: Int, _ trace: Trace) -> Bool {
    func isElementWise(_ transform: any Transform) -> Bool {
      switch transform {
      case is AffineTransform, is BoundsTransform, is IdentityTransform, is DependentTransform,
        is SoftclipTransform, is AsinhTransform, is TailTransform:
        true
      case let inverse as InverseTransform: isElementWise(inverse.transform)
      case let composed as ComposedTransform: composed.transforms.allSatisfy(isElementWise)
      default: false
      }
    }
    func isLast(_ lazy: any LazyTransform) -> Bool {
      switch lazy {
      case let composed as LazyComposedTransform: composed.transforms.allSatisfy(isLast)
      case let embedded as EmbeddedTransform: isLast(embedded.transform)
      case let autoregressive as MaskedAutoregressiveTransform:
        autoregressive.isUnseen(feature)
      case is ElementWiseTransform: true
      case let fixed as UnconditionalTransform: isElementWise(fixed(nil))
      default: false
      }
    }
    return isLast(transform)
  }
}
