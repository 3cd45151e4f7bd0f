import FlowIR
import Testing

@testable import FlowCodegen

/// Where uniform values and packs lie.
@Suite struct StorageTests {
  static func program(_ text: String) throws -> TileProgram {
    try TileProgram(lowering: Module(parsing: "flowir 1\n" + text).functions[0])
  }

  /// The place of a named operation's result.
  static func place(_ name: String, _ program: TileProgram) -> Storage.Location? {
    let operation = program.function.operations.first { $0.opcode.name == name }
    return operation.flatMap { program.storage.locations[$0.result] }
  }

  @Test("arguments and results lie where the caller has them, constants in tables")
  func caller() throws {
    let program = try Self.program(
      """
      func @f(input %a: 3 x f32) {
        %k = constant [1, 2, 3] : 3 x f32
        %b = multiply %a, %k : 3 x f32
        return b = %b
      }
      """)
    #expect(program.storage.locations[program.function.arguments[0].value] == .argument(0))
    #expect(Self.place("multiply", program) == .result(0))
    #expect(Self.place("constant", program) == .table(0))
    #expect(program.storage.tables.count == 1)
  }

  @Test("what parameters alone give is kept between calls, the rest in a call's own memory")
  func memory() throws {
    let program = try Self.program(
      """
      func @f(input %x: rows x 4 x f32, input %a: 4 x f32, parameter %p: 4 x f32) {
        %q = exp %p : 4 x f32
        %s = tanh %a : 4 x f32
        %y = multiply %x, %q : rows x 4 x f32
        %u = add %y, %s : rows x 4 x f32
        return u = %u
      }
      """)
    guard case .state? = Self.place("exp", program) else {
      Issue.record("a value of parameters is not in the prepared memory")
      return
    }
    guard case .work? = Self.place("tanh", program) else {
      Issue.record("a value of an input is not in the memory of the call")
      return
    }
  }

  @Test("values and packs start on cache lines and lie apart", arguments: [1, 15, 16, 17, 100])
  func lines(count: Int) throws {
    let program = try Self.program(
      """
      func @f(input %x: rows x \(count) x f32, parameter %p: \(count) x f32, \
      parameter %w: 2 x \(count) x f32) {
        %q = exp %p : \(count) x f32
        %r = tanh %q : \(count) x f32
        %y = multiply %x, %q : rows x \(count) x f32
        %z = add %y, %r : rows x \(count) x f32
        %h = linear %z, %w : rows x 2 x f32
        return h = %h
      }
      """)
    let storage = program.storage
    var starts: [Int] = []
    for location in Array(storage.locations.values) + storage.packs {
      if case .state(let offset) = location { starts.append(offset) }
    }
    #expect(starts.count == 3)
    #expect(Set(starts).count == 3)
    #expect(starts.allSatisfy { $0 % Storage.alignment == 0 })
    #expect(storage.stateElements >= 2 * Storage.rounded(count) + Storage.rounded(2 * count + 2))
  }

  @Test("a reshape lies where its operand does")
  func shared() throws {
    let program = try Self.program(
      """
      func @f(input %x: rows x 2 x 3 x f32, parameter %p: 6 x f32) {
        %q = exp %p : 6 x f32
        %r = reshape %q : 2 x 3 x f32
        %s = reduce_sum %r axis 1 : 2 x f32
        %t = reduce_sum %x axis 1 : rows x 2 x f32
        %y = add %t, %s : rows x 2 x f32
        return y = %y
      }
      """)
    #expect(Self.place("exp", program) != nil)
    #expect(Self.place("reshape", program) == Self.place("exp", program))
  }

  @Test("counts are rounded up to whole cache lines")
  func rounding() {
    #expect([0, 1, 16, 17].map { Storage.rounded($0) } == [0, 16, 16, 32])
  }
}
