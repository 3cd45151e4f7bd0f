import FlowIR
import Testing

@testable import FlowPasses

/// Values that are kept for later operations or computed again.
@Suite struct RecomputeTests {
  /// A function of random operations before a layer, and of products of what they made after it.
  private func function(seed: UInt64) throws -> Function {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func number(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([3], .f64))
    let w = builder.argument("w", .uniform([3, 3], .f64), .parameter)
    let hidden = try builder.emit(.linear(nil), x, w)
    var made = [hidden]
    let functions: [UnaryOperator] = [.absolute, .tanh, .exp, .negate, .erf, .sigmoid, .relu]
    for _ in 0..<6 {
      let a = made[number(made.count)]
      let isBinary = number(3) == 0
      made.append(
        isBinary
          ? try builder.emit(.binary(.add), a, made[number(made.count)])
          : try builder.emit(.unary(functions[number(functions.count)]), a))
    }
    var result = try builder.emit(.linear(nil), made[made.count - 1], w)
    for value in made where number(2) == 0 {
      result = try builder.emit(.binary(.multiply), result, value)
    }
    let function = builder.finish(results: [FunctionResult(name: "y", value: result)])
    return try Pipeline.run([commonSubexpressions, deadCode], on: function)
  }

  /// What it costs to keep some values and to compute others again; nil if that is not possible.
  private func cost(again: Set<Value>, _ flow: RowFlow) -> Int? {
    let function = flow.function
    func keeping(_ value: Value) -> Int {
      flow.isInMemory(value) ? 0 : 8 * function.type(of: value).elementCount
    }
    var kept: Set<Value> = []
    var total = 0
    for value in function.operations.flatMap(\.results) {
      guard again.contains(value) else {
        if flow.isReadLater(value) { kept.insert(value) }
        continue
      }
      guard flow.canBeRepeated(value), let operation = flow.definitions[value] else { return nil }
      let cost = operation.opcode.traits.cost
      let count = function.type(of: value).elementCount
      total +=
        max(flow.laterStages(of: value).count, 1) * count
        * (cost.perResult[.planned] + 8 * cost.divisions[.planned])
      kept.formUnion(flow.sources(of: operation).filter { !again.contains($0) })
    }
    return total + kept.map(keeping).reduce(0, +)
  }

  @Test("no other choice costs less than the plan's")
  func leastCost() throws {
    var (again, kept) = (0, 0)
    for seed in UInt64(0)..<30 {
      let function = try function(seed: seed)
      let plan = RecomputePlan(function)
      let flow = plan.flow
      let values = function.operations.flatMap(\.results).filter {
        function.type(of: $0).hasRows
      }
      var least = Int.max
      for subset in 0..<(1 << values.count) {
        let again = Set(values.indices.filter { subset >> $0 & 1 == 1 }.map { values[$0] })
        least = min(least, cost(again: again, flow) ?? .max)
      }
      #expect(cost(again: plan.recomputed, flow) == least, "seed \(seed):\n\(function.text)")
      again += plan.recomputed.count
      kept += plan.decisions.count { $0.verdict != .recomputed }
    }
    #expect(again > 10 && kept > 10)
  }

  @Test("every bit of the results stays in the interpreter")
  func bits() throws {
    for seed in UInt64(0)..<30 {
      let function = try function(seed: seed)
      let changed = try recompute(function)
      try changed.verify()
      #expect(
        changed.operations.count >= function.operations.count
          + RecomputePlan(function).recomputed.count)
      let x: [Double] = (0..<15).map { Double($0) * 0.17 - 1 }
      let w: [Double] = (0..<9).map { Double($0) * 0.2 - 0.7 }
      let arguments = ["x": x, "w": w]
      let before = try Interpreter.run(function, arguments, rows: 5)["y"]?.values
      let after = try Interpreter.run(changed, arguments, rows: 5)["y"]?.values
      let (wanted, found) = (try #require(before), try #require(after))
      #expect(wanted.map(\.bitPattern) == found.map(\.bitPattern))
    }
  }

  @Test("common subexpressions undo it, and it chooses the same again")
  func again() throws {
    for seed in UInt64(0)..<20 {
      let function = try function(seed: seed)
      let changed = try recompute(function)
      let undone = try commonSubexpressions(changed)
      #expect(undone.operations.map(\.opcode) == function.operations.map(\.opcode))
      #expect(try recompute(undone).text == changed.text)
    }
  }

  @Test("the table states each choice and the sums")
  func text() throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([4], .f32))
    let w = builder.argument("w", .uniform([4, 4], .f32), .parameter)
    let (cheap, costly) = (
      try builder.emit(.unary(.absolute), x), try builder.emit(.unary(.erf), x)
    )
    let h = try builder.emit(
      .linear(nil), try builder.emit(.binary(.add), cheap, costly), w)
    let y = try builder.emit(
      .binary(.multiply), try builder.emit(.binary(.multiply), h, cheap), costly)
    let function = builder.finish(results: [FunctionResult(name: "y", value: y)])
    let text = RecomputePlan(function).text
    #expect(text.contains("recomputed: absolute : rows x 4 x f32"), "\(text)")
    #expect(text.contains("kept: erf : rows x 4 x f32"), "\(text)")
    #expect(text.contains("32              to keep 4 numbers a row"), "\(text)")
    #expect(text.contains("to compute 4 numbers again"), "\(text)")
  }
}
