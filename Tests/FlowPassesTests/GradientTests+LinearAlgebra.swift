import FlowIR
import FlowPasses
import Testing

extension GradientTests {
  private static let matrix = [1.5, -0.2, 1.1, 0.9, -1.6, -0.4, 0.3, 0.8, 0.7]

  @Test("matrix exponential, by the block matrix of the Fréchet derivative")
  func matrixExponential() throws {
    try check("exp", a: Self.matrix, shape: [3, 3], aHasRows: false) { builder, a, _ in
      try builder.emit(.matrixExponential, a)
    }
    // A cotangent of zero must not become NaN.
    try check("exp, unused", a: Self.matrix, shape: [3, 3], aHasRows: false) { builder, a, b in
      let exponential = try builder.emit(.matrixExponential, a)
      let corner = try builder.emit(.slice(axis: 0, start: 0, end: 1), exponential)
      let zero = builder.splat(0, shape: [1, 3], dtype: .f64)
      let row = try builder.emit(.reshape([3]), try builder.emit(.binary(.multiply), corner, zero))
      return try builder.emit(.binary(.add), b, row)
    }
  }

  @Test("the gradient of the matrix exponential's gradient")
  func matrixExponentialTwice() throws {
    try check("exp''", a: Self.matrix, shape: [3, 3], aHasRows: false) { builder, a, _ in
      let inner = FunctionBuilder(name: "g")
      let x = inner.argument("x", .uniform([3, 3], .f64))
      let y = try inner.emit(.unary(.sin), try inner.emit(.matrixExponential, x))
      let sum = try inner.emit(.reduce(.sum, axis: 0), try inner.emit(.reshape([9]), y))
      let both = try gradient(
        of: inner.finish(results: [FunctionResult(name: "l", value: sum)]), result: "l",
        withRespectTo: ["x"])
      var map: [Value: Value] = [both.arguments[0].value: a]
      for operation in both.operations { try builder.copy(operation, of: both, mapping: &map) }
      return map[both.results[1].value] ?? a
    }
  }

  @Test("Cholesky factor: the lower triangle stands for both")
  func cholesky() throws {
    try check("cholesky", a: Self.matrix, shape: [3, 3], aHasRows: false) { builder, a, _ in
      let product = try builder.emit(.matmul, a, try builder.emit(.transpose([1, 0]), a))
      return try builder.emit(.cholesky, product)
    }
    let definite = [2.5, 9, 9, 0.4, 1.9, 9, -0.3, 0.7, 3.1]
    try check("cholesky, directly", a: definite, shape: [3, 3], aHasRows: false) { builder, a, _ in
      try builder.emit(.cholesky, a)
    }
  }

  @Test(
    "triangular systems, row and uniform operands", arguments: [true, false], [true, false])
  func triangularSolve(aHasRows: Bool, bHasRows: Bool) throws {
    for (upper, unit) in [(false, false), (true, true), (true, false), (false, true)] {
      let name = "\(upper ? "upper" : "lower") \(unit ? "unit" : "")"
      try check(
        name, a: Self.matrix, shape: [3, 3], aHasRows: aHasRows, bHasRows: bHasRows
      ) { builder, a, b in
        try builder.emit(.triangularSolve(upper: upper, unit: unit), a, b)
      }
      try check(
        name + " two vectors", a: Self.matrix, shape: [3, 3], aHasRows: aHasRows,
        bHasRows: bHasRows
      ) { builder, a, b in
        let both = try builder.emit(
          .reshape([2, 3]),
          try builder.emit(.concatenate(axis: 0), b, try builder.emit(.unary(.sin), b)))
        return try builder.emit(.triangularSolve(upper: upper, unit: unit), a, both)
      }
      try check(
        name + " two matrices", a: Self.matrix, shape: [3, 3], aHasRows: aHasRows,
        bHasRows: bHasRows
      ) { builder, a, b in
        let vectors = try builder.emit(.broadcast([2, 3]), b)
        let matrices = try builder.emit(
          .reshape([2, 3, 3]),
          try builder.emit(.concatenate(axis: 0), a, try builder.emit(.unary(.exp), a)))
        return try builder.emit(.triangularSolve(upper: upper, unit: unit), matrices, vectors)
      }
    }
  }
}
