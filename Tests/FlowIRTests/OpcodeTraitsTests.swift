import FlowIR
import Foundation
import Testing

/// Facts about operations, and that nothing about them is decided by a `default`.
@Suite struct OpcodeTraitsTests {
  private static let sources = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: sources.appending(path: path), encoding: .utf8)
  }

  /// The cases of the closed sets of operations.
  private static func cases() throws -> Set<String> {
    let text = try text("FlowIR/Opcode.swift") + text("FlowIR/Operators.swift")
    return Set(text.matches(of: /\n  case (\w+)/).map { String($0.1) })
  }

  /// The lines, counted from 1, of each `default` beside a case of the given names.
  static func defaults(in text: String, besides cases: Set<String>) -> [Int] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    func indent(_ line: Substring) -> Int { line.prefix { $0 == " " }.count }
    return lines.indices.filter { index in
      guard lines[index].drop(while: { $0 == " " }).hasPrefix("default:") else { return false }
      let depth = indent(lines[index])
      let isSwitch = { (line: Substring) in line.contains("switch ") && line.hasSuffix("{") }
      let start = lines[..<index].lastIndex { isSwitch($0) && indent($0) <= depth } ?? 0
      return lines[start..<index].contains { line in
        indent(line) == depth
          && line.matches(of: /\.(\w+)/).contains { cases.contains(String($0.1)) }
          && line.firstMatch(of: /^ *case (let )?\./) != nil
      }
    }.map { $0 + 1 }
  }

  @Test(
    "no switch over operations has a default", arguments: ["FlowIR", "FlowPasses", "FlowCodegen"])
  func noDefaults(room: String) throws {
    let cases = try Self.cases()
    #expect(
      cases.isSuperset(of: ["unary", "odeAdjoint", "sigmoid", "power", "lessEqual", "product"]))
    let folder = Self.sources.appending(path: room)
    let files = try #require(
      FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
    var count = 0
    for case let file as URL in files where file.pathExtension == "swift" {
      count += 1
      let text = try String(contentsOf: file, encoding: .utf8)
      let found = Self.defaults(in: text, besides: cases)
      #expect(found.isEmpty, "\(file.lastPathComponent), lines \(found)")
    }
    #expect(count > 10)
  }

  @Test("the search for defaults finds them")
  func searchFinds() throws {
    let text = """
      switch operation.opcode {
      case .unary(.negate):
        switch token {
        case .word: 1
        default: 2
        }
      default: 3
      }
      """
    #expect(Self.defaults(in: text, besides: try Self.cases()) == [7])
  }

  @Test("the parser knows every operation")
  func prototypes() throws {
    let text = try Self.text("FlowIR/Opcode.swift")
    let cases = Set(text.matches(of: /\n  case (\w+)/).map { String($0.1) })
    let known = Opcode.prototypes.map { opcode in
      Mirror(reflecting: opcode).children.first?.label ?? "\(opcode)"
    }
    #expect(Set(known) == cases)
    #expect(Set(Opcode.prototypes.map(\.name)).count == Opcode.prototypes.count)
  }

  @Test(
    "constants need one element or as many as their type", arguments: ["[]", "[1, 1]", "[1, 2]"])
  func constantCount(elements: String) {
    let text = "flowir 1\nfunc @f() {\n%y = constant \(elements) : 3 x f32\nreturn y = %y\n}\n"
    let error = #expect(throws: ParseError.self) { try Module(parsing: text) }
    #expect(error?.message == "a constant of type 3 x f32 needs as many elements or one")
  }

  @Test("operations have the facts that passes rely on")
  func facts() {
    #expect(Opcode.reshape([2]).isView && Opcode.reshape([2]).isRearrangement)
    #expect(Opcode.concatenate(axis: 0).isView && !Opcode.concatenate(axis: 0).isRearrangement)
    #expect(Opcode.select.isPointwise && !Opcode.take.isPointwise && !Opcode.take.isView)
    #expect(Opcode.rowSum.traits.sumsRows && Opcode.linearWeightGradient(nil).traits.sumsRows)
    #expect(Opcode.odeAdjoint(steps: 1).regionCount == 2)
    #expect(Opcode.quadrature(nodes: 3).isStructured)
    #expect(!Opcode.unary(.floor).traits.isDifferentiable)
    #expect(Opcode.binary(.divide).traits.cost.divisions[.planned] == 1)
    let mask = Mask(rows: 1, columns: 2, bits: [true, false])
    #expect(Opcode.linear(mask).mask == mask && Opcode.matmul.mask == nil)
  }

  private static let corners: [Double] = [
    0, -0.0, 1, -1, 2.5, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .infinity, -.infinity,
    .nan,
  ]

  private static func elements(_ domain: OperatorTraits.Domain) -> [Double] {
    switch domain {
    case .float, .number: corners
    case .bool: [0, 1]
    }
  }

  private static func areSame(_ a: Double, _ b: Double) -> Bool {
    a.isNaN ? b.isNaN : a.bitPattern == b.bitPattern
  }

  @Test(
    "what commutes does so, and neutral elements change no bit", arguments: BinaryOperator.allCases)
  func commutes(function: BinaryOperator) {
    let elements = Self.elements(function.traits.domain)
    for x in elements {
      if let neutral = function.traits.neutral {
        #expect(Self.areSame(function.evaluate(x, neutral), x), "\(function) of \(x)")
        if function.traits.commutes {
          #expect(Self.areSame(function.evaluate(neutral, x), x), "\(function) of \(x)")
        }
      }
      for y in elements where function.traits.commutes {
        #expect(
          Self.areSame(function.evaluate(x, y), function.evaluate(y, x)),
          "\(function) of \(x), \(y)")
      }
    }
  }

  @Test("comparisons that commute do so", arguments: Comparison.allCases)
  func comparisonCommutes(comparison: Comparison) {
    let isSame = Self.corners.allSatisfy { x in
      Self.corners.allSatisfy { comparison.evaluate(x, $0) == comparison.evaluate($0, x) }
    }
    #expect(isSame == comparison.commutes)
  }
}
