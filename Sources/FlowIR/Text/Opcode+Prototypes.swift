extension Opcode {
  /// One operation of each name with placeholder attributes, which the parser replaces.
  public static let prototypes: [Opcode] =
    UnaryOperator.allCases.map { .unary($0) } + BinaryOperator.allCases.map { .binary($0) }
    + Comparison.allCases.map { .compare($0) } + Reduction.allCases.map { .reduce($0, axis: 0) }
    + RandomDistribution.allCases.map { .random($0, type: .uniform([], .f32), stream: 0) }
    + [
      .constant(Literal(splat: 0, dtype: .f32)), .select, .convert(.f32),
      .cumulativeSum(axis: 0, reverse: false), .search, .take, .reshape([]), .broadcast([]),
      .transpose([]), .slice(axis: 0, start: 0, end: 0), .concatenate(axis: 0),
      .pad(axis: 0, low: 0, high: 0, value: 0), .gather(axis: 0, indices: []),
      .scatterAdd(axis: 0, indices: [], size: 0), .linear(nil), .linearWeightGradient(nil), .matmul,
      .matrixExponential, .cholesky, .triangularSolve(upper: false, unit: false), .rowSum,
      .rowCount(.f32), .autoregressiveInverse(passes: 0),
      .odeSolve(ODEControl(atol: 0, rtol: 0, steps: 0), isRecorded: false), .odeAdjoint(steps: 0),
      .monotoneRoot(lower: 0, upper: 0), .quadrature(nodes: 0),
    ]

  private static let byName = Dictionary(uniqueKeysWithValues: prototypes.map { ($0.name, $0) })

  /// The prototype with a name; nil if no operation has that name.
  static func prototype(named name: String) -> Opcode? { byName[name] }
}
