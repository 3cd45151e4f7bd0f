import FlowIR
import Testing

@Suite struct TextTests {
  @Test("printing and parsing give the same module, region and masks included")
  func roundTrip() throws {
    let builder = FunctionBuilder(name: "f")
    let z = builder.argument("z", .row([3], .f32))
    let w = builder.argument("net.0.weight", .uniform([3, 3], .f32), .parameter)
    let mask = Mask(
      rows: 3, columns: 3, bits: [false, false, false, true, false, false, true, true, false])
    builder.scope = Scope("inverse")
    let x = builder.beginRegion([.row([3], .f32)])[0]
    let h = try builder.emit(.linear(mask), x, w)
    let next = try builder.emit(.binary(.subtract), z, h)
    let region = builder.endRegion(results: [next])
    let result = try builder.append(.autoregressiveInverse(passes: 3), regions: [region])[0]
    let function = builder.finish(results: [FunctionResult(name: "x", value: result)])
    try function.verify()
    let parsed = try Module(parsing: function.text)
    #expect(parsed.text == function.text)
    try parsed.functions[0].verify()
  }

  @Test("every number survives", arguments: [0.1, 1e-300, -0.0, 1e300, .infinity, -.infinity, 3])
  func numbers(value: Double) throws {
    let builder = FunctionBuilder(name: "f")
    let y = try builder.emit(.constant(Literal(splat: value, shape: [2], dtype: .f64)))
    let text = builder.finish(results: [FunctionResult(name: "y", value: y)]).text
    let parsed = try Module(parsing: text)
    guard case .constant(let literal) = parsed.functions[0].operations[0].opcode else {
      Issue.record("no constant")
      return
    }
    #expect(literal.splat?.bitPattern == value.bitPattern)
  }

  @Test("no prefix of a text crashes the parser")
  func prefixes() throws {
    let text = """
      flowir 1
      mask @m = 2 x 2 "0,1,1 2"
      func @f(input %x: rows x 2 x f32, parameter %w: 2 x 2 x f32 "a b") {
        %y = linear %x, %w mask @m : rows x 2 x f32 at "s"
        %z = gather %y axis 0 indices [0..1] : rows x 2 x f32
        return y = %z
      }
      """
    #expect(throws: Never.self) { try Module(parsing: text) }
    for length in 0..<text.count - 1 {
      // What parses has no function yet: it ends right after the version or a mask.
      let module = try? Module(parsing: String(text.prefix(length)))
      #expect(module?.functions.isEmpty ?? true)
    }
  }

  @Test("a deep nest of regions is refused, not followed")
  func depth() {
    var text = "flowir 1\nfunc @f(input %x: rows x 1 x f32) {\n"
    for level in 0..<1000 {
      text +=
        "%r\(level) = autoregressive_inverse passes 1 : rows x 1 x f32 (%a\(level): rows x 1 x f32) {\n"
    }
    let error = #expect(throws: ParseError.self) { try Module(parsing: text) }
    #expect(error?.message == "regions are nested too deeply")
  }
}

@Suite struct TypeRuleTests {
  @Test("operands that do not fit are refused with the constraint's label")
  func constraints() {
    let builder = FunctionBuilder(name: "f")
    let a = builder.argument("a", .row([3], .f32))
    let b = builder.argument("b", .uniform([4, 2], .f32))
    #expect(throws: TypeError.self) { try builder.emit(.binary(.add), a, b) }
    #expect(throws: TypeError.self) { try builder.emit(.linear(nil), a, b) }
    #expect(throws: TypeError.self) { try builder.emit(.rowSum, b) }
    #expect(throws: TypeError.self) { try builder.emit(.transpose([0, 0]), b) }
    #expect(throws: TypeError.self) { try builder.emit(.gather(axis: 0, indices: [3]), a) }
    #expect(throws: TypeError.self) { try builder.emit(.broadcast([2]), b) }
    #expect(throws: TypeError.self) { try builder.emit(.unary(.not), a) }
    let error = #expect(throws: TypeError.self) { try builder.emit(.reduce(.sum, axis: 1), a) }
    #expect(error?.constraint == "C2")
  }

  @Test("a uniform operand beside a row operand gives a row value")
  func rows() throws {
    let builder = FunctionBuilder(name: "f")
    let a = builder.argument("a", .row([3], .f32))
    let b = builder.argument("b", .uniform([3], .f32))
    #expect(builder.type(of: try builder.emit(.binary(.add), b, a)) == .row([3], .f32))
    #expect(builder.type(of: try builder.emit(.binary(.add), b, b)) == .uniform([3], .f32))
    #expect(builder.type(of: try builder.emit(.rowSum, a)) == .uniform([3], .f32))
  }
}
