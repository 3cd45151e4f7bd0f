import FlowIR
import Testing

@testable import FlowCodegen

/// The steps of incremental inverses.
@Suite struct StepScheduleTests {
  /// The loop of an autoregressive inverse through one masked layer.
  ///
  /// A row of the mask is the lengths of its runs, zeros first.
  static func loop(mask rows: [String], passes: Int) throws -> StepsNode {
    let size = rows.count
    let text = """
      flowir 1
      mask @m0 = \(size) x \(size) "\(rows.joined(separator: " "))"
      func @f(input %z: rows x \(size) x f32, parameter %w: \(size) x \(size) x f32) {
        %x = autoregressive_inverse passes \(passes) : rows x \(size) x f32
          (%y: rows x \(size) x f32) {
            %h = linear %y, %w mask @m0 : rows x \(size) x f32
            %d = subtract %z, %h : rows x \(size) x f32
            yield %d
          }
        return x = %x
      }
      """
    let program = try TileProgram(lowering: Module(parsing: text).functions[0])
    let loops = program.phases[0].nodes.compactMap { $0.body as? StepsNode }
    return try #require(loops.first)
  }

  /// The step in which each panel of the layer runs, in the order of the outputs.
  static func steps(_ loop: StepsNode) -> [Int] {
    loop.nodes.first { $0.body is LinearNode }?.itemSteps ?? []
  }

  @Test("each feature runs one step after the last feature that it depends on")
  func order() throws {
    let loop = try Self.loop(mask: ["3", "0,1,2", "0,2,1"], passes: 3)
    #expect(loop.isIncremental)
    #expect(loop.steps == 3)
    #expect(Self.steps(loop) == [0, 1, 2])
  }

  @Test("features that depend on the same ones share a step, whatever the number of passes")
  func coupling() throws {
    let loop = try Self.loop(mask: ["4", "4", "0,2,2", "0,2,2"], passes: 4)
    #expect(loop.isIncremental)
    #expect(loop.steps == 2)
    #expect(Set(Self.steps(loop)) == [0, 1])
  }

  @Test("features in another order run in that order")
  func reversed() throws {
    let loop = try Self.loop(mask: ["1,2", "2,1", "3"], passes: 3)
    #expect(loop.isIncremental)
    #expect(Self.steps(loop) == [2, 1, 0])
  }

  @Test("fewer passes than steps are kept as they are, each computing everything")
  func tooFew() throws {
    let loop = try Self.loop(mask: ["3", "0,1,2", "0,2,1"], passes: 2)
    #expect(!loop.isIncremental)
    #expect(loop.steps == 2)
  }
}
