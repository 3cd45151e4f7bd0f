import FlowIR

/// Sums erfc of numbers and of their negatives by erfc of their sizes alone, with the signs of the numbers.
///
///     %n = negate %z                              %s = erfc (absolute %z)
///     %p = erfc %z : rows x 8 x f32               %b = greater_equal %z, 0
///     %q = erfc %n : rows x 8 x f32               %d = reduce_sum (select %b, %s, -%s) axis 0
///     %u = reduce_sum %p axis 0 : rows x f32   →  %t = reduce_sum (select %b, 0, 2) axis 0
///     %v = reduce_sum %q axis 0 : rows x f32      %u = %t + %d
///                                                 %v = (16 - %t) - %d
///
/// since erfc(-z) is 2 - erfc z. Where a sum is small none of its numbers is on the other side: then the count is an
/// exact 0, and the sum keeps its digits.
///
/// In float32 the sum of erf z beside both is half of their difference, `(8 - %t) - %d`, unless all numbers are
/// small: then that has lost its digits, and two terms of the series of erf have them.
///
/// It runs after differentiation, since the size of a number has no derivative at 0.
public let tailSums = Pass(
  name: "tail-sums", summary: "sums erfc of numbers and of their negatives by erfc of their sizes"
) { function, budget throws(TypeError) in
  var tails = Tails()
  tails.collect(function.operations, function)
  if tails.isEmpty { return function }
  return try Rewriter(function, budget: budget).run { operation, rewriter throws(TypeError) in
    guard let result = operation.results.first else { return nil }
    return try tails.sum(result, rewriter).map { [$0] }
  }
}

/// The sums of erfc z, erfc -z and erf z along an axis, whose terms have no other users.
private struct Tails {
  private struct Key: Hashable {
    let number: Value
    let axis: Int
  }

  private struct Sums {
    let key: Key
    let upper: Value
    let lower: Value
    /// Of erf z, in float32.
    let middle: Value?
    /// The new values of all, once the first has been rebuilt.
    var rebuilt: [Value: Value]?
  }

  private var sums: [Sums] = []
  /// Which of `sums` each value belongs to.
  private var places: [Value: Int] = [:]

  var isEmpty: Bool { places.isEmpty }

  /// Finds those of a list of operations, and of their regions, which cannot share what they compute.
  mutating func collect(_ operations: [TensorOperation], _ function: Function) {
    var definitions: [Value: TensorOperation] = [:]
    var uses: [Value: Int] = [:]
    for operation in operations {
      for result in operation.results { definitions[result] = operation }
      for region in operation.regions { collect(region.operations, function) }
    }
    for operation in operations.withRegions {
      for value in operation.operands + operation.regions.flatMap(\.results) {
        uses[value, default: 0] += 1
      }
    }
    var (upper, lower, middle): ([Key: Value], [Key: Value], [Key: Value]) = ([:], [:], [:])
    for operation in operations {
      guard case .reduce(.sum, let axis) = operation.opcode,
        let term = definitions[operation.operands[0]], uses[operation.operands[0]] == 1,
        !function.results.contains(where: { $0.value == operation.operands[0] })
      else { continue }
      if term.opcode == .unary(.erf) {
        middle[Key(number: term.operands[0], axis: axis)] = operation.result
      } else if term.opcode == .unary(.erfc) {
        if let negated = definitions[term.operands[0]], negated.opcode == .unary(.negate) {
          lower[Key(number: negated.operands[0], axis: axis)] = operation.result
        } else {
          upper[Key(number: term.operands[0], axis: axis)] = operation.result
        }
      }
    }
    for (key, value) in upper {
      guard let other = lower[key] else { continue }
      let third = function.type(of: value).dtype == .f64 ? nil : middle[key]
      for value in [value, other, third] {
        if let value { places[value] = sums.count }
      }
      sums.append(Sums(key: key, upper: value, lower: other, middle: third))
    }
  }

  /// The new value of a sum that is one of these.
  mutating func sum(_ value: Value, _ rewriter: Rewriter) throws(TypeError) -> Value? {
    guard let place = places[value] else { return nil }
    let one = sums[place]
    if let rebuilt = one.rebuilt { return rebuilt[value] }
    let z = rewriter.mapped(one.key.number)
    let type = rewriter.type(of: z)
    let count = Double(type.shape[one.key.axis])
    func splat(_ value: Double, _ type: TensorType) -> Value {
      rewriter.builder.splat(value, shape: type.shape, dtype: type.dtype)
    }
    func add(_ a: Value, _ b: Value) throws(TypeError) -> Value {
      try rewriter.emit(.binary(.add), a, b)
    }
    func subtract(_ a: Value, _ b: Value) throws(TypeError) -> Value {
      try rewriter.emit(.binary(.subtract), a, b)
    }
    func multiply(_ a: Value, _ b: Value) throws(TypeError) -> Value {
      try rewriter.emit(.binary(.multiply), a, b)
    }
    func total(_ terms: Value) throws(TypeError) -> Value {
      try rewriter.emit(.reduce(.sum, axis: one.key.axis), terms)
    }
    let zero = splat(0, type)
    // The comparison that holds where nothing is added: compilers put the other operation under a mask.
    let isAbove = try rewriter.emit(.compare(.greaterEqual), z, zero)
    let tail = try rewriter.emit(.unary(.erfc), try rewriter.emit(.unary(.absolute), z))
    let negated = try rewriter.emit(.unary(.negate), tail)
    let tails = try total(try rewriter.emit(.select, isAbove, tail, negated))
    let twice = try total(try rewriter.emit(.select, isAbove, zero, splat(2, type)))
    let sumType = rewriter.type(of: twice)
    var rebuilt = [one.upper: try add(twice, tails)]
    let others = try subtract(splat(2 * count, sumType), twice)
    rebuilt[one.lower] = try subtract(others, tails)
    if let middle = one.middle {
      let signs = try subtract(splat(count, sumType), twice)
      let difference = try subtract(signs, tails)
      let square = try rewriter.emit(.unary(.square), z)
      let isSmall = try rewriter.emit(
        .compare(.less), try total(square), splat(Self.smallSquare, sumType))
      let first = try multiply(try total(z), splat(Self.series[0], sumType))
      let third = try multiply(
        try total(try multiply(z, square)), splat(Self.series[1], sumType))
      rebuilt[middle] = try rewriter.emit(.select, isSmall, try add(first, third), difference)
    }
    sums[place].rebuilt = rebuilt
    return rebuilt[value]
  }

  /// The sum of squares below which all numbers are small: their sizes are below 1/16 then, and at least one is
  /// large enough beside that for the difference of both tails to have lost but a few digits where they are not.
  private static let smallSquare = 1.0 / 256
  /// 2 / √π of erf z ≈ 2 / √π (z - z³ / 3 + z⁵ / 10), and for z³ -1 / 3 + δ, where δ is 0.83 of the last term's
  /// factor at z² = 1/256, so that what is left out is at most 2.6e-7 of erf z.
  private static let series = [1.1283791670955126, -0.37576143]
}
