import FlowIR
import FlowRuntime
import Flows
import Testing

/// Rotations, LU transforms and log-sum-exp against numbers of Zuko 1.6 and torch in float64.
@Suite struct LinearTransformTests {
  static let matrix = [0.3, -1.2, 0.7, 0.9, 0.1, -0.4, 1.5, 0.2, -0.8]
  static let x = [0.5, -1.0, 2.0, 3.0, 0.25, -0.75]

  struct Case: Sendable {
    let name: String
    let make: @Sendable (Tensor) -> any Transform
    let y: [Double]
    let ladj: Double
    let inverse: [Double]
    /// Of the sum of sin(y) and the log-determinants, forwards and backwards.
    let gradients: [[Double]]
  }

  static let cases = [
    Case(
      name: "rotation", make: { RotationTransform(a: $0) },
      y: [
        0.8045111277612791, -0.6824662145677542, 2.03396207223287, -2.0280284122426955,
        1.9356154564142287, 1.3287187678462,
      ], ladj: 0,
      inverse: [
        0.4914452665797475, -0.5885464562132952, 2.159188416705483, -2.0749882914199254,
        -2.2907736695364576, -0.26791712417962454,
      ],
      gradients: [
        [
          0.0, -1.6976478088457654, 0.8275767365791907, 1.6976478088457654, 0.0,
          -1.9650410709728217, -0.8275767365791907, 1.9650410709728217, 0.0,
        ],
        [
          0.0, -0.6530275396934866, 1.0646743131451664, 0.6530275396934866, 0.0,
          -4.569273648559674, -1.0646743131451664, 4.569273648559674, 0.0,
        ],
      ]),
    Case(
      name: "LU", make: { LULinearTransform(lu: $0) },
      y: [0.93, 2.61, 2.69, 0.6525, 2.0125, 3.9725], ladj: -3.7297014486341915,
      inverse: [
        -27.09583333333333, -27.25, -5.625, -94.51875, -88.375, -2.1875,
      ],
      gradients: [
        [
          10.24813816506886, 1.6566627247236667, -3.023907798655221, -3.6019721329463916,
          21.316487370724435, -0.3991095449063583, -4.255632837239466, 1.2487425225474214,
          -3.7938519801946926,
        ],
        [
          532.4661384155099, 74.73236918144576, -0.04281658983470216, -183.20209437413664,
          1498.4761488502772, -0.9686651551196341, -3.903925340780537, 25.469962884498976,
          -1.0341551746062745,
        ],
      ]),
  ]

  @Test("values, inverses, log-determinants and gradients agree with Zuko", arguments: [0, 1])
  func agreesWithZuko(index: Int) throws {
    let example = Self.cases[index]
    let inputs = [
      "a": HostArray(Self.matrix, shape: [3, 3]), "x": HostArray(Self.x, shape: [2, 3]),
    ]
    for backwards in [false, true] {
      let function = trace([.uniform("a", 3, 3), .rows("x", 3)], dtype: .f64) { inputs in
        let transform = example.make(inputs[0])
        let (y, ladj) =
          backwards ? transform.inverseAndLadj(inputs[1]) : transform.callAndLadj(inputs[1])
        return [("loss", sin(y).sum(axis: 0) + ladj), ("y", y), ("ladj", ladj)]
      }
      let compiled = try CompiledFunction(
        function.gradient(of: "loss", withRespectTo: ["a", "x"]))
      let found = try compiled(inputs, rows: 2)
      expect(found["y"]?.doubles, backwards ? example.inverse : example.y)
      expect(found["ladj"]?.doubles, [backwards ? -example.ladj : example.ladj])
      expect(found["grad.a"]?.doubles, example.gradients[backwards ? 1 : 0])
    }
  }

  private func expect(_ found: [Double]?, _ exact: [Double]) {
    #expect(found?.count == exact.count)
    for (x, y) in zip(found ?? [], exact) {
      #expect(x == y || abs(x - y) <= 1e-12 * (1 + abs(y)), "\(x) instead of \(y)")
    }
  }

  @Test("an LU transform with a matrix for each row agrees with the shared one")
  func matrixPerRow() throws {
    let function = trace([.rows("a", 3, 3), .rows("x", 3)], dtype: .f64) { inputs in
      let transform = LULinearTransform(lu: inputs[0])
      let (y, ladj) = transform.callAndLadj(inputs[1])
      return [("y", y), ("ladj", ladj), ("x", transform.inverse(inputs[1]))]
    }
    let found = try CompiledFunction(function.optimized())(
      [
        "a": HostArray(Self.matrix + Self.matrix, shape: [2, 3, 3]),
        "x": HostArray(Self.x, shape: [2, 3]),
      ], rows: 2)
    expect(found["y"]?.doubles, Self.cases[1].y)
    expect(found["x"]?.doubles, Self.cases[1].inverse)
    expect(found["ladj"]?.doubles, [Self.cases[1].ladj, Self.cases[1].ladj])
  }

  @Test("log-sum-exp: -inf counts nothing, large numbers do not overflow, gradients are softmax")
  func logSumExp() throws {
    let inf = Double.infinity
    let x = [-inf, 1, 2, -inf, -inf, -inf, 1000, 1000.5, -inf, inf, 1, 2, .nan, 1, 2, 0.1, 0.2, -3]
    let compiled = try compileGradient([.rows("x", 3)], dtype: .f64) { $0[0].logSumExp() }
    let found = try compiled(["x": HostArray(x, shape: [6, 3])], rows: 6)
    let values = try #require(found["result"]?.doubles)
    let exact = [2.313261687518223, -inf, 1000.9740769841801, inf]
    for (found, exact) in zip(values, exact) {
      #expect(found == exact || abs(found - exact) < 1e-12)
    }
    #expect(values[4].isNaN)
    let gradient = try #require(found["grad.x"]?.doubles)
    #expect(Array(gradient[3..<6]) == [0, 0, 0])
    let softmax = [0, 0.2689414213699951, 0.7310585786300049]
    for (found, exact) in zip(gradient[0..<3], softmax) { #expect(abs(found - exact) < 1e-15) }
    #expect(abs(gradient[15...].reduce(0, +) - 1) < 1e-15)
  }
}
