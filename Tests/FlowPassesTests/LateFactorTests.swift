import FlowIR
import FlowPasses
import Testing

/// Factors that need a sum over rows, taken out of rows.
@Suite struct LateFactorTests {
  /// The mean of `exp(w x)` over those rows whose `x` is finite, and its gradient.
  private func meanAndGradient() throws -> Function {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([], .f64))
    let w = builder.argument("w", .uniform([], .f64))
    let value = try builder.emit(.unary(.exp), try builder.emit(.binary(.multiply), x, w))
    let finite = try builder.emit(.unary(.isFinite), x)
    let zero = builder.splat(0, shape: [], dtype: .f64)
    let total = try builder.emit(.rowSum, try builder.emit(.select, finite, value, zero))
    let count = try builder.emit(.rowSum, try builder.emit(.convert(.f64), finite))
    let mean = try builder.emit(.binary(.divide), total, count)
    let function = builder.finish(results: [FunctionResult(name: "loss", value: mean)])
    return try gradient(
      of: Pipeline.run(Pipeline.standard, on: function), result: "loss", withRespectTo: ["w"])
  }

  /// Whether an operation on rows reads a value that is made of a sum over rows.
  private func readsSums(_ function: Function) -> Bool {
    var late: Set<Value> = []
    for operation in function.operations {
      let readsRows = operation.inputs.contains { function.type(of: $0).hasRows }
      let readsLate = operation.inputs.contains(where: late.contains)
      if readsRows, readsLate { return true }
      if readsRows || readsLate {
        late.formUnion(operation.results.filter { !function.type(of: $0).hasRows })
      }
    }
    return false
  }

  @Test("the gradient of a mean over finite rows needs no second loop, and is the same number")
  func gradientOfMean() throws {
    let before = try meanAndGradient()
    let after = try Pipeline.run([lateFactors, deadCode], on: before)
    #expect(readsSums(before))
    #expect(!readsSums(after))
    let x = [0.3, -1.2, .nan, 0.8, .infinity, 2.1]
    let arguments = ["x": x, "w": [0.7]]
    let exact = try Interpreter.run(before, arguments, rows: x.count)
    let found = try Interpreter.run(after, arguments, rows: x.count)
    let wanted = try #require(exact["grad.w"]?.values.first)
    let number = try #require(found["grad.w"]?.values.first)
    // A sum of six terms is rounded before the multiplication instead of after.
    #expect(abs(number - wanted) < 1e-14 * abs(wanted))
    #expect(wanted != 0)
  }

  @Test("a gradient to which no row contributes stays zero, though the factor is infinite")
  func noRows() throws {
    let function = try Pipeline.run([lateFactors, deadCode], on: meanAndGradient())
    let found = try Interpreter.run(function, ["x": [.nan, .nan], "w": [0.7]], rows: 2)
    #expect(found["grad.w"]?.values == [0])
    #expect(found["loss"]?.values.first?.isNaN == true)
  }
}
