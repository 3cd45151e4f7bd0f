import FlowIR
import FlowPasses
import Testing

/// Derivative rules against central differences in the float64 interpreter.
@Suite struct GradientTests {
  /// Builds `loss = sum of w * f(a, b)` over rows and elements, with weights that tell them apart.
  func check(
    _ name: String, a: [Double], b: [Double] = [0.4, -0.7, 1.3], shape: [Int] = [3],
    aHasRows: Bool = true, bHasRows: Bool = false,
    _ body: (FunctionBuilder, Value, Value) throws -> Value
  ) throws {
    let builder = FunctionBuilder(name: "f")
    let first = builder.argument(
      "a", TensorType(hasRows: aHasRows, shape: shape, dtype: .f64))
    let second = builder.argument("b", TensorType(hasRows: bHasRows, shape: [3], dtype: .f64))
    let output = try body(builder, first, second)
    let type = builder.type(of: output)
    let flat = try builder.emit(.reshape([type.elementCount]), output)
    let weights = (0..<type.elementCount).map { 1 + 0.3 * Double($0) }
    let constant = try builder.emit(
      .constant(Literal(weights, shape: [type.elementCount], dtype: .f64)))
    let product = try builder.emit(.binary(.multiply), flat, constant)
    // A nonlinear loss, so that a missing chain rule shows.
    let squared = try builder.emit(.unary(.square), product)
    let sum = try builder.emit(.reduce(.sum, axis: 0), squared)
    let loss = type.hasRows ? try builder.emit(.rowSum, sum) : sum
    let function = builder.finish(results: [FunctionResult(name: "loss", value: loss)])
    try function.verify()
    let both = try gradient(of: function, result: "loss", withRespectTo: ["a", "b"])
    try both.verify()
    let rows = 2
    func repeated(_ values: [Double], _ hasRows: Bool) -> [Double] {
      hasRows ? values + values.map { $0 * 0.9 + 0.05 } : values
    }
    var arguments = ["a": repeated(a, aHasRows), "b": repeated(b, bHasRows)]
    let found = try Interpreter.run(both, arguments, rows: rows)
    for argument in ["a", "b"] {
      let analytic = try #require(found["grad." + argument]?.values)
      let start = arguments[argument] ?? []
      for index in start.indices {
        let step = 1e-6
        var differences: [Double] = []
        for sign in [1.0, -1.0] {
          arguments[argument]?[index] = start[index] + sign * step
          let value = try Interpreter.run(function, arguments, rows: rows)["loss"]?.values[0]
          differences.append(value ?? .nan)
        }
        arguments[argument] = start
        let numeric = (differences[0] - differences[1]) / (2 * step)
        // Central differences with a step of 1e-6 are good to about 1e-9 of the value.
        #expect(
          abs(analytic[index] - numeric) <= 2e-6 * (1 + abs(numeric)),
          "\(name): d/d\(argument)[\(index)] is \(analytic[index]), differences say \(numeric)")
      }
    }
  }

  @Test("unary operators", arguments: UnaryOperator.allCases)
  func unary(operation: UnaryOperator) throws {
    switch operation {
    case .isNaN, .isFinite, .not: return
    default: break
    }
    let positive: Set<UnaryOperator> = [.log, .sqrt, .rsqrt]
    let a =
      operation == .asin
      ? [-0.6, 0.45, 0.9] : positive.contains(operation) ? [0.3, 1.2, 2.5] : [-0.6, 0.45, 1.7]
    try check(operation.rawValue, a: a) { builder, a, _ in
      try builder.emit(.unary(operation), a)
    }
  }

  @Test("binary operators, row and uniform operands", arguments: [true, false])
  func binary(bHasRows: Bool) throws {
    for operation in BinaryOperator.allCases where operation != .and && operation != .or {
      let a = operation == .power ? [0.6, 1.4, 2.2] : [-0.6, 0.45, 1.7]
      try check(operation.rawValue, a: a, bHasRows: bHasRows) { builder, a, b in
        try builder.emit(.binary(operation), a, b)
      }
    }
  }

  @Test("select passes the cotangent to the chosen branch")
  func select() throws {
    try check("select", a: [-0.6, 0.45, 1.7]) { builder, a, b in
      let condition = try builder.emit(.compare(.less), a, b)
      return try builder.emit(
        .select, condition, try builder.emit(.unary(.exp), a), try builder.emit(.unary(.sin), b))
    }
  }

  @Test("reductions and scans", arguments: [0, 1])
  func reductions(axis: Int) throws {
    let a = [0.5, -0.2, 1.1, 0.9, 1.6, -0.4]
    for reduction in Reduction.allCases {
      try check("\(reduction)", a: a, shape: [2, 3]) { builder, a, _ in
        try builder.emit(.reduce(reduction, axis: axis), a)
      }
    }
    for reverse in [true, false] {
      try check("cumulative_sum", a: a, shape: [2, 3]) { builder, a, _ in
        try builder.emit(.cumulativeSum(axis: axis, reverse: reverse), a)
      }
    }
  }

  @Test("views")
  func views() throws {
    let a = [0.5, -0.2, 1.1, 0.9, 1.6, -0.4]
    let opcodes: [Opcode] = [
      .reshape([3, 2]), .broadcast([4, 2, 3]), .transpose([1, 0]),
      .slice(axis: 1, start: 1, end: 3), .pad(axis: 0, low: 1, high: 2, value: 0.5),
      .gather(axis: 1, indices: [2, 0, 0]), .scatterAdd(axis: 1, indices: [1, 0, 1], size: 4),
    ]
    for opcode in opcodes {
      try check(opcode.name, a: a, shape: [2, 3]) { builder, a, _ in try builder.emit(opcode, a) }
    }
    try check("concatenate", a: [0.5, -0.2, 1.1]) { builder, a, b in
      try builder.emit(.concatenate(axis: 0), a, b, a)
    }
    try check("take", a: a, shape: [2, 3]) { builder, a, _ in
      let index = try builder.emit(.constant(Literal([2, 0], shape: [2], dtype: .i32)))
      return try builder.emit(.take, a, index)
    }
  }

  @Test("linear layers: masked or not, row or uniform input", arguments: [true, false])
  func linear(isMasked: Bool) throws {
    let mask =
      isMasked ? Mask(rows: 2, columns: 3, bits: [true, false, true, false, true, true]) : nil
    for bHasRows in [true, false] {
      try check(
        "linear", a: [0.5, -0.2, 1.1, 0.9, 1.6, -0.4], shape: [2, 3], aHasRows: false,
        bHasRows: bHasRows
      ) { builder, a, b in
        let bias = try builder.emit(.slice(axis: 0, start: 0, end: 2), b)
        if bHasRows { return try builder.emit(.linear(mask), b, a) }
        return try builder.emit(.linear(mask), b, a, bias)
      }
    }
  }

  @Test("the fixed point of an autoregressive inverse, by the implicit function theorem")
  func inverse() throws {
    let mask = Mask(
      rows: 3, columns: 3, bits: [false, false, false, true, false, false, true, true, false])
    try check(
      "inverse", a: [0.5, -0.2, 1.1, 0.9, 1.6, -0.4, 0.3, 0.8, -0.7], shape: [3, 3],
      aHasRows: false, bHasRows: true
    ) { builder, weight, z in
      let x = builder.beginRegion([.row([3], .f64)])[0]
      let shift = try builder.emit(.unary(.tanh), try builder.emit(.linear(mask), x, weight))
      let next = try builder.emit(.binary(.subtract), z, shift)
      let extra = try builder.emit(.binary(.multiply), next, shift)
      let region = builder.endRegion(results: [next, extra])
      let results = try builder.append(.autoregressiveInverse(passes: 3), regions: [region])
      return try builder.emit(.binary(.add), results[0], try builder.emit(.unary(.exp), results[1]))
    }
  }

  @Test("the gradient of a gradient")
  func secondOrder() throws {
    try check(
      "second order", a: [0.5, -0.2, 1.1, 0.9, 1.6, -0.4], shape: [2, 3], aHasRows: false,
      bHasRows: true
    ) { builder, weight, x in
      let inner = FunctionBuilder(name: "g")
      let w = inner.argument("w", .uniform([2, 3], .f64))
      let y = inner.argument("x", .row([3], .f64))
      let h = try inner.emit(.unary(.tanh), try inner.emit(.linear(nil), y, w))
      let loss = try inner.emit(.reduce(.sum, axis: 0), h)
      let function = try gradient(
        of: inner.finish(results: [FunctionResult(name: "l", value: loss)]), result: "l",
        withRespectTo: ["x"])
      var map: [Value: Value] = [function.arguments[0].value: weight]
      map[function.arguments[1].value] = x
      for operation in function.operations {
        try builder.copy(operation, of: function, mapping: &map)
      }
      return map[function.results[1].value] ?? x
    }
  }

  @Test("operations that lead to no requested argument are not differentiated")
  func deadGradients() throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([2], .f64))
    let w = builder.argument("w", .uniform([2, 2], .f64), .parameter)
    let h = try builder.emit(.linear(nil), x, w)
    let loss = try builder.emit(.rowSum, try builder.emit(.reduce(.sum, axis: 0), h))
    let function = builder.finish(results: [FunctionResult(name: "loss", value: loss)])
    let both = try gradient(of: function, result: "loss", withRespectTo: ["x"])
    let names = both.operations.map(\.opcode.name)
    #expect(!names.contains("linear_weight_gradient"))
  }

  @Test("a name that does not exist is an error that says so")
  func errors() throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([2], .f64))
    let function = builder.finish(results: [FunctionResult(name: "y", value: x)])
    #expect(throws: GradientError.noResult("z")) {
      try gradient(of: function, result: "z", withRespectTo: ["x"])
    }
    #expect(throws: GradientError.notScalar("y", found: .row([2], .f64))) {
      try gradient(of: function, result: "y", withRespectTo: ["x"])
    }
  }

  @Test("the gradient of a product is exact where factors are zero")
  func productOfZeros() throws {
    let builder = FunctionBuilder(name: "f")
    let a = builder.argument("a", .uniform([2, 5], .f64))
    let product = try builder.emit(.reduce(.product, axis: 1), a)
    let loss = try builder.emit(.reduce(.sum, axis: 0), product)
    let function = builder.finish(results: [FunctionResult(name: "loss", value: loss)])
    let both = try gradient(of: function, result: "loss", withRespectTo: ["a"])
    try both.verify()
    let values: [Double] = [2, 0, 3, -1, 5, 2, 0, 3, 0, 5]
    let found = try Interpreter.run(both, ["a": values], rows: 1)
    #expect(found["grad.a"]?.values == [0, -30, 0, 0, 0, 0, 0, 0, 0, 0])
  }
}
