import FlowIR
import FlowPasses
import Testing

@testable import FlowCodegen

/// Which thread makes what, and where threads wait for each other.
@Suite struct WorkSharingTests {
  static func program(_ text: String) throws -> TileProgram {
    try TileProgram(lowering: Module(parsing: "flowir 1\n" + text).functions[0])
  }

  /// The steps of a list in one word each, with the kind of their share.
  static func outline(_ list: StepList) -> [String] {
    list.steps.map { step in
      switch step {
      case .uniform(let uniform): "uniform \(word(uniform.share))"
      case .pack: "pack"
      case .invert: "invert"
      case .barrier: "barrier"
      case .rows: "rows"
      case .combine(let combine): "combine \(word(combine.share))"
      case .store: "store"
      }
    }
  }

  static func word(_ share: Share) -> String {
    switch share {
    case .one: "one"
    case .piece: "pieces"
    case .apart: "apart"
    }
  }

  @Test("few elements are made by one thread, many in pieces")
  func small() throws {
    for (count, word) in [(255, "one"), (256, "pieces")] {
      let program = try Self.program(
        """
        func @f(input %a: \(count) x f32) {
          %b = exp %a : \(count) x f32
          return b = %b
        }
        """)
      #expect(Self.outline(program.call) == ["uniform \(word)"])
    }
  }

  @Test("what is made of a value element by element has its pieces, and waits for nobody")
  func alike() throws {
    let program = try Self.program(
      """
      func @f(input %a: 512 x f32) {
        %b = exp %a : 512 x f32
        %r = reshape %b : 2 x 256 x f32
        %s = reduce_sum %r axis 1 : 2 x f32
        %c = tanh %b : 512 x f32
        return b = %b, c = %c, s = %s
      }
      """)
    let steps = program.call.steps
    let shares = steps.compactMap { step -> Share? in
      if case .uniform(let uniform) = step, uniform.count == 512 { uniform.share } else { nil }
    }
    #expect(Set(shares).count == 1)
    // The sum reads what other threads have written, so it waits.
    #expect(Self.outline(program.call).contains("barrier"))
    #expect(program.faults() == [])
  }

  @Test(
    "rows wait for packed weights, and a sum over rows for all rows; then one thread adds it up")
  func rows() throws {
    let program = try Self.program(
      """
      func @f(input %x: rows x 3 x f32, input %w: 4 x 3 x f32) {
        %h = linear %x, %w : rows x 4 x f32
        %t = row_sum %h : 4 x f32
        return t = %t
      }
      """)
    #expect(Self.outline(program.prepare) == [])
    #expect(
      Self.outline(program.call) == ["pack", "barrier", "rows", "barrier", "combine one"])
  }

  @Test("what depends on parameters alone is made when they are loaded")
  func prepared() throws {
    let program = try Self.program(
      """
      func @f(input %x: rows x 3 x f32, parameter %w: 4 x 3 x f32) {
        %h = linear %x, %w : rows x 4 x f32
        return h = %h
      }
      """)
    #expect(Self.outline(program.prepare) == ["pack"])
    #expect(Self.outline(program.call) == ["rows"])
  }

  @Test("a value that is two results is stored once and copied in the end")
  func twice() throws {
    let program = try Self.program(
      """
      func @f(input %a: 4 x f32) {
        %b = exp %a : 4 x f32
        return b = %b, c = %b
      }
      """)
    #expect(Self.outline(program.call) == ["uniform one", "store"])
  }

  @Test("rows that need a sum over rows run in a second loop, after it is complete")
  func phases() throws {
    let program = try Self.program(
      """
      func @f(input %x: rows x 3 x f32) {
        %t = row_sum %x : 3 x f32
        %y = add %x, %t : rows x 3 x f32
        return y = %y
      }
      """)
    #expect(program.phases.count == 2)
    #expect(
      Self.outline(program.call) == ["rows", "barrier", "combine one", "barrier", "rows"])
  }
}
