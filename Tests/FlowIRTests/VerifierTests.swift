import FlowIR
import Testing

/// What the verifier reports of functions that no text can hold.
@Suite struct VerifierTests {
  @Test("all that is wrong is reported, each with the operation's text")
  func all() throws {
    let text = """
      flowir 1
      func @f(input %x: rows x 3 x f32) {
        %a = exp %x : rows x 4 x f32
        %b = slice %x axis 1 from 0 to 1 : rows x 1 x f32
        return y = %a
      }
      """
    let module = try Module(parsing: text)
    let function = try #require(module.function(named: "f"))
    #expect(
      function.faults.map(\.description) == [
        "operation 0: I3: exp gives rows x 3 x f32, found rows x 4 x f32: "
          + "'%0 = exp %x : rows x 4 x f32'",
        "operation 1: I2: slice (C2): axis 1 is outside the 1 axes of rows x 3 x f32: "
          + "'%1 = slice %x axis 1 from 0 to 1 : rows x 1 x f32'",
      ])
    let error = #expect(throws: VerificationError.self) { try function.verify() }
    #expect(error?.description.hasSuffix("(and 1 more)") == true)
  }

  @Test("a value that is used before it is defined, defined twice, or has no type is named")
  func values() throws {
    func function(_ operations: [TensorOperation]) -> Function {
      Function(
        name: "f", arguments: [FunctionArgument(name: "x", value: Value(id: 0), kind: .input)],
        operations: operations, results: [FunctionResult(name: "y", value: Value(id: 1))],
        types: [.row([], .f32), .row([], .f32)])
    }
    func negate(_ operand: Int, _ result: Int) -> TensorOperation {
      TensorOperation(
        opcode: .unary(.negate), operands: [Value(id: operand)], results: [Value(id: result)])
    }
    #expect(function([negate(1, 1)]).faults.map(\.invariant) == ["I1"])
    #expect(function([negate(0, 1), negate(0, 1)]).faults.map(\.invariant) == ["I1"])
    #expect(function([negate(0, 7)]).faults.map(\.invariant) == ["I1", "I1"])
    #expect(function([negate(0, 1)]).faults.isEmpty)
  }

  @Test("an inverse whose region yields nothing breaks C2")
  func emptyRegion() {
    let builder = FunctionBuilder(name: "f")
    let region = Region(arguments: [], operations: [], results: [])
    let error = #expect(throws: TypeError.self) {
      try builder.append(.autoregressiveInverse(passes: 1), regions: [region])
    }
    #expect(error?.constraint == "C2")
  }
}
