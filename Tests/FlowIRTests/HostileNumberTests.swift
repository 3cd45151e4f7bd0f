import FlowIR
import Testing

/// Numbers from outside that no size, index or seed can be.
@Suite struct HostileNumberTests {
  @Test("sizes do not overflow")
  func sizes() {
    #expect(Size.product([Int.max, 2]) == .max)
    #expect(Size.product([1 << 40, 1 << 40, 1 << 40]) == .max)
    #expect(Size.product([] as [Int]) == 1)
    #expect(Size.sum([Int.max, 1, 1]) == .max)
    #expect(TensorType.row([Int.max, 3], .f32).elementCount == .max)
  }

  @Test("operations whose results would be too large are refused")
  func results() throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([3], .f32))
    for opcode in [
      Opcode.pad(axis: 0, low: .max, high: .max, value: 0),
      .pad(axis: 0, low: -1, high: 0, value: 0),
      .broadcast([.max, 3]), .scatterAdd(axis: 0, indices: [0, 1, 2], size: .max),
      .scatterAdd(axis: 0, indices: [0, 1, 2], size: .min), .reshape([.max, .max]),
      .gather(axis: 0, indices: [.max]), .gather(axis: 0, indices: [.min]),
      .slice(axis: 0, start: .min, end: .max),
    ] {
      #expect(throws: TypeError.self) { try builder.append(opcode, [x]) }
    }
  }

  @Test(
    "an argument's elements are numbers of its type",
    arguments: [Double.nan, .infinity, 1e300, 0.5, 2_147_483_648])
  func seeds(value: Double) throws {
    let builder = FunctionBuilder(name: "f")
    let seed = builder.argument("seed", .uniform([2], .i32))
    let u = try builder.emit(
      .random(.uniform, type: .row([1], .f64), stream: 0), seed)
    let function = builder.finish(results: [FunctionResult(name: "u", value: u)])
    #expect(throws: InterpreterError.self) {
      try Interpreter.run(function, ["seed": [0, value]], rows: 1)
    }
  }

  @Test("floats that no i32 holds are indices at an end of the axis")
  func indices() throws {
    let text = """
      flowir 1
      func @f(input %t: 3 x f64, input %x: 5 x f64) {
        %i = convert %x : 5 x i32
        %s = broadcast %t : 5 x 3 x f64
        %y = take %s, %i : 5 x f64
        return y = %y
      }
      """
    let module = try Module(parsing: text)
    let function = try #require(module.function(named: "f"))
    let x: [Double] = [.infinity, -.infinity, 1e300, -1e300, 1.9]
    let found = try Interpreter.run(function, ["t": [1, 2, 3], "x": x], rows: 1)
    #expect(found["y"]?.values == [3, 1, 3, 1, 2])
  }
}
