import FlowIR
import Testing

@testable import FlowCodegen

/// Breaks a program in one place and sees the verifier name the invariant.
@Suite struct VerifierTests {
  static let layer = """
    flowir 1
    func @f(input %x: rows x 3 x f32, parameter %w: 300 x 3 x f32, input %s: 300 x f32) {
      %u = exp %s : 300 x f32
      %g = gather %u axis 0 indices [\((0..<300).reversed().map(String.init).joined(separator: ", "))] : 300 x f32
      %h = linear %x, %w, %g : rows x 300 x f32
      %t = row_sum %h : 300 x f32
      return y = %h, t = %t
    }
    """
  static let inverse = """
    flowir 1
    mask @m0 = 3 x 3 "3 0,1,2 0,2,1"
    func @sample(input %z: rows x 3 x f32, parameter %w: 3 x 3 x f32) {
      %x = autoregressive_inverse passes 3 : rows x 3 x f32
        (%y: rows x 3 x f32) {
          %h = linear %y, %w mask @m0 : rows x 3 x f32
          %t = tanh %h : rows x 3 x f32
          %d = subtract %z, %t : rows x 3 x f32
          yield %d
        }
      return x = %x
    }
    """

  /// A loop over single elements reads views of what it has just made.
  static let scalars = """
    flowir 1
    func @f(input %x: rows x f32, input %w: 3 x f32) {
      %s = row_sum %x : f32
      %n = row_count : f32
      %a = divide %s, %n : f32
      %b = broadcast %a : 1 x f32
      %c = negate %b : 1 x f32
      %d = reshape %c : f32
      %e = exp %d : f32
      %u = exp %w : 3 x f32
      %v = reshape %u : 1 x 3 x f32
      %y = square %v : 1 x 3 x f32
      return a = %a, c = %c, d = %d, e = %e, u = %u, v = %v, y = %y
    }
    """

  static func program(_ text: String) throws -> TileProgram {
    try TileProgram(lowering: Module(parsing: text).functions[0])
  }

  static func invariants(_ program: TileProgram) -> Set<Invariant> {
    Set(program.faults().map(\.invariant))
  }

  /// A program with some of its parts replaced.
  static func changed(
    _ program: TileProgram, phases: [RowPhase]? = nil, storage: Storage? = nil,
    call: [Step]? = nil
  ) -> TileProgram {
    TileProgram(
      function: program.function, views: program.views, phases: phases ?? program.phases,
      packings: program.packings, storage: storage ?? program.storage, prepare: program.prepare,
      call: StepList(steps: call ?? program.call.steps, lines: program.call.lines))
  }

  static func isBarrier(_ step: Step) -> Bool {
    if case .barrier = step { true } else { false }
  }

  @Test("what lowering makes has no faults", arguments: [layer, inverse, scalars])
  func sound(text: String) throws {
    #expect(try Self.program(text).faults() == [])
  }

  @Test("steps without their barriers are named")
  func barriers() throws {
    let program = try Self.program(Self.layer)
    #expect(program.call.steps.contains(where: Self.isBarrier))
    let broken = Self.changed(program, call: program.call.steps.filter { !Self.isBarrier($0) })
    #expect(Self.invariants(broken) == [.barrier, .sums])
  }

  @Test("a step before what it reads, a step done twice and a result left out are named")
  func order() throws {
    let program = try Self.program(Self.layer)
    let steps = program.call.steps
    #expect(Self.invariants(Self.changed(program, call: Array(steps.dropFirst()))) == [.written])
    #expect(Self.invariants(Self.changed(program, call: [steps[0]] + steps)) == [.once])
    #expect(Self.invariants(Self.changed(program, call: steps.dropLast())) == [.results])
  }

  @Test("places beyond their memory, off their lines and on one another are named")
  func storage() throws {
    let program = try Self.program(Self.layer)
    var small = program.storage
    small.workElements = 16
    #expect(Self.invariants(Self.changed(program, storage: small)) == [.bounds])
    var crooked = program.storage
    crooked.packs = [.work(program.storage.workElements + 1)]
    crooked.workElements = 4 * program.storage.workElements + 1
    #expect(Self.invariants(Self.changed(program, storage: crooked)) == [.alignment])
    var crowded = program.storage
    crowded.packs = [.work(16)]
    #expect(Self.invariants(Self.changed(program, storage: crowded)).contains(.overlap))
  }

  @Test("two values, or two packs, in the very same place are named")
  func shared() throws {
    let program = try Self.program(
      """
      flowir 1
      func @f(input %x: rows x 3 x f32, input %v: 3 x 3 x f32, input %w: 3 x 3 x f32, input %a: 3 x f32) {
        %g = linear %x, %v : rows x 3 x f32
        %h = linear %x, %w : rows x 3 x f32
        %b = exp %a : 3 x f32
        %c = reduce_sum %w axis 0 : 3 x f32
        %y = add %g, %h : rows x 3 x f32
        %z = multiply %y, %b : rows x 3 x f32
        %u = add %z, %c : rows x 3 x f32
        return u = %u
      }
      """)
    #expect(program.faults() == [])
    var packs = program.storage
    packs.packs[1] = packs.packs[0]
    #expect(Self.invariants(Self.changed(program, storage: packs)) == [.once, .overlap])
    let made = program.function.operations.filter {
      ["exp", "reduce_sum"].contains($0.opcode.name)
    }
    var values = program.storage
    values.locations[made[0].result] = values.locations[made[1].result]
    #expect(Self.invariants(Self.changed(program, storage: values)).contains(.overlap))
  }

  @Test("a loop over rows that is left out or runs twice, and sums in another's place, are named")
  func loops() throws {
    let program = try Self.program(Self.layer)
    let steps = program.call.steps
    let index = try #require(
      steps.firstIndex { if case .rows = $0 { true } else { false } })
    var without = steps
    without.remove(at: index)
    #expect(
      Self.invariants(Self.changed(program, call: without)) == [.once, .results, .sums])
    var twice = steps
    twice.insert(steps[index], at: index)
    #expect(Self.invariants(Self.changed(program, call: twice)) == [.once])
    var moved = steps
    moved[index] = .rows(RowsStep(phase: 0, slotOffset: 16))
    #expect(Self.invariants(Self.changed(program, call: moved)) == [.sums])
  }

  @Test("nodes that read what no node has written, and buffers in one place, are named")
  func rows() throws {
    let program = try Self.program(Self.layer)
    let phase = program.phases[0]
    let late = RowPhase(
      nodes: Array(phase.nodes.dropFirst()), reductions: phase.reductions, scratch: phase.scratch)
    #expect(Self.invariants(Self.changed(program, phases: [late])) == [.read])
    let offsets = phase.scratch.lives.mapValues { _ in 0 }
    let crowded = ScratchPlan(
      elements: phase.scratch.elements, offsets: offsets, aliases: [:], lives: phase.scratch.lives)
    let crowdedPhase = RowPhase(
      nodes: phase.nodes, reductions: phase.reductions, scratch: crowded)
    #expect(Self.invariants(Self.changed(program, phases: [crowdedPhase])) == [.live])
    let tight = ScratchPlan(
      elements: 1, offsets: [:], aliases: [:], lives: phase.scratch.lives)
    let tightPhase = RowPhase(nodes: phase.nodes, reductions: phase.reductions, scratch: tight)
    #expect(Self.invariants(Self.changed(program, phases: [tightPhase])) == [.scratch])
  }

  @Test("an item of an inverse that runs before what it reads is final is named")
  func steps() throws {
    let program = try Self.program(Self.inverse)
    let phase = program.phases[0]
    let nodes = phase.nodes.map { node -> Node in
      guard let loop = node.body as? StepsNode else { return node }
      let early = loop.nodes.map {
        Node($0.body, scope: $0.scope, itemSteps: $0.itemSteps.map { _ in 0 })
      }
      let body = StepsNode(
        nodes: early, steps: loop.steps, isIncremental: true, state: loop.state, next: loop.next)
      return Node(body, scope: node.scope)
    }
    let broken = RowPhase(nodes: nodes, reductions: [], scratch: phase.scratch)
    #expect(Self.invariants(Self.changed(program, phases: [broken])) == [.final])
  }

  /// The program of a layer with its first layer changed.
  private static func changed(
    _ program: TileProgram, _ change: (LinearNode) -> LinearNode
  ) -> TileProgram {
    let phase = program.phases[0]
    let nodes = phase.nodes.map { node -> Node in
      guard let layer = node.body as? LinearNode else { return node }
      return Node(change(layer), scope: node.scope)
    }
    let broken = RowPhase(nodes: nodes, reductions: phase.reductions, scratch: phase.scratch)
    return changed(program, phases: [broken])
  }

  private static func copy(
    _ layer: LinearNode, layout: PanelLayout? = nil, pack: Int? = nil, repeats: Int? = nil
  ) -> LinearNode {
    LinearNode(
      input: layer.input, output: layer.output, layout: layout ?? layer.layout, mask: layer.mask,
      pack: pack ?? layer.pack, repeats: repeats ?? layer.repeats, inputs: layer.inputs,
      outputs: layer.outputs, product: layer.product, epilogue: layer.epilogue,
      result: layer.result, extra: layer.extra)
  }

  @Test("a layer that doesn't read its weights as they are packed is named")
  func layerPanels() throws {
    let program = try Self.program(Self.layer)
    let other = PanelLayout(mask: nil, outputs: 294, inputs: 3)
    let broken = Self.changed(program) { Self.copy($0, layout: other) }
    #expect(Self.invariants(broken).contains(.panels))
    #expect(Self.invariants(Self.changed(program) { Self.copy($0, pack: 1) }).contains(.panels))
  }

  @Test(
    "packed weights with too few outputs or of too many inputs are named",
    arguments: [(294, 3), (300, 4)])
  func packedPanels(outputs: Int, inputs: Int) throws {
    let program = try Self.program(Self.layer)
    let pack = program.packings[0].pack
    let packing = Packing(
      Pack(
        weight: pack.weight, bias: pack.bias, mask: nil,
        layout: PanelLayout(mask: nil, outputs: outputs, inputs: inputs)),
      program.views, Schedule(program.function))
    let broken = TileProgram(
      function: program.function, views: program.views, phases: program.phases,
      packings: [packing], storage: program.storage, prepare: program.prepare,
      call: program.call)
    #expect(Self.invariants(broken).contains(.panels))
  }

  @Test("a node that leaves its buffers is named")
  func spans() throws {
    let program = try Self.program(Self.layer)
    let broken = Self.changed(program) { Self.copy($0, repeats: 2) }
    #expect(Self.invariants(broken) == [.span])
  }

  @Test("a piece of a line that is too short is named")
  func share() throws {
    let program = try Self.program(Self.layer)
    let broken = TileProgram(
      function: program.function, views: program.views, phases: program.phases,
      packings: program.packings, storage: program.storage, prepare: program.prepare,
      call: StepList(steps: program.call.steps, lines: program.call.lines.map { _ in 0 }))
    #expect(Self.invariants(broken) == [.share])
  }
}
