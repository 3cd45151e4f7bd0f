import FlowIR
import Testing

@testable import FlowCodegen

/// Chains of layers that run to their ends in turns.
@Suite struct TurnPlanTests {
  /// Two layers for each of two features, which see nothing of each other if the masks are those of blocks,
  /// and a sum over the features.
  static func program(units: Int = 64, isDense: Bool = false) throws -> TileProgram {
    let (all, one) = (2 * units, units)
    let text = """
      flowir 1
      mask @m0 = \(all) x 2 "0,1,1*\(one) 1,1*\(one)"
      mask @m1 = \(all) x \(all) "0,\(one),\(one)*\(one) \(one),\(one)*\(one)"
      func @f(
        input %x: rows x 2 x f32, parameter %v: \(all) x 2 x f32, parameter %w: \(all) x \(all) x f32
      ) {
        %a = linear %x, %v mask @m0 : rows x \(all) x f32
        %b = elu %a : rows x \(all) x f32
        %c = linear %b, %w\(isDense ? "" : " mask @m1") : rows x \(all) x f32
        %d = elu %c : rows x \(all) x f32
        %e = reshape %d : rows x 2 x \(one) x f32
        %g = reduce_sum %e axis 1 : rows x 2 x f32
        %h = log %g : rows x 2 x f32
        %s = reduce_sum %h axis 0 : rows x f32
        return y = %d, s = %s
      }
      """
    return try TileProgram(lowering: Module(parsing: text).functions[0])
  }

  static func loops(_ program: TileProgram) -> [TurnsNode] {
    program.phases[0].nodes.compactMap { $0.body as? TurnsNode }
  }

  @Test("layers of features that see nothing of each other are a chain for each")
  func blocks() throws {
    let program = try Self.program()
    let loop = try #require(Self.loops(program).first)
    #expect(loop.turns == 2)
    for node in loop.nodes {
      let half = node.body.items / 2
      let steps = [Int](repeating: 0, count: half) + [Int](repeating: 1, count: half)
      #expect(node.itemSteps == steps)
    }
    #expect(loop.nodes.contains { !$0.body.accumulators.isEmpty })
    #expect(program.faults() == [])
  }

  @Test("what lies between the layers of a turn has one place, behind room for the other turns")
  func folds() throws {
    let program = try Self.program()
    let loop = try #require(Self.loops(program).first)
    let first = try #require(loop.nodes.first?.body as? LinearNode)
    let second = try #require(loop.nodes.last { $0.body is LinearNode }?.body as? LinearNode)
    let scratch = program.phases[0].scratch
    #expect(scratch.folds[first.output]?.elements(of: first.output) == 64)
    #expect(scratch.range(of: first.output).count == 64)
    #expect(scratch.range(of: first.output).lowerBound >= 64)
    // It is a result, which is stored after the loop.
    #expect(scratch.folds[second.output] == nil)
  }

  @Test("layers that see all features, and layers of few units, run as a whole")
  func whole() throws {
    #expect(try Self.loops(Self.program(isDense: true)).isEmpty)
    #expect(try Self.loops(Self.program(units: 8)).isEmpty)
  }

  @Test("an item in the turn of another part is named, and one before an item that comes first")
  func faults() throws {
    let phase = try Self.program().phases[0]
    func invariants(_ change: ([Int]) -> [Int]) -> Set<Invariant> {
      let nodes = phase.nodes.map { node -> Node in
        guard let loop = node.body as? TurnsNode else { return node }
        let inner = loop.nodes.map {
          Node($0.body, scope: $0.scope, itemSteps: change($0.itemSteps))
        }
        let body = TurnsNode(nodes: inner, turns: loop.turns, folds: loop.folds)
        return Node(body, scope: node.scope)
      }
      let broken = RowPhase(nodes: nodes, reductions: [], scratch: phase.scratch)
      return Set(RowVerifier(broken, number: 0).faults().map(\.invariant))
    }
    #expect(invariants { $0 } == [])
    #expect(invariants { $0.map { _ in 0 } } == [.final])
    #expect(invariants { $0.reversed() } == [.final])
    #expect(invariants { $0.map { $0 + 1 } } == [.final])
  }
}
