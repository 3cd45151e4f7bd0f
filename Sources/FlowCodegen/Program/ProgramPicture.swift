import FlowIR

/// What a tile program decided, as numbers to draw: where buffers lie and how long they live, in which
/// step of a triangular inverse each item runs, and how layers are cut into panels.
public struct ProgramPicture: Sendable {
  /// The scratch memory of a loop over rows.
  public struct Memory: Sendable {
    /// A buffer's place in it.
    public struct Buffer: Sendable {
      /// What it holds.
      public let name: String
      /// Where it starts, in numbers for each row.
      public let offset: Int
      /// How many numbers it has for each row.
      public let elements: Int
      /// The first and the last node that use it.
      public let life: ClosedRange<Int>
    }

    /// A node reads what another one wrote last.
    public struct Flow: Hashable, Sendable {
      /// The node that wrote, among all nodes.
      public let from: Int
      /// The node that reads, among all nodes.
      public let to: Int
      /// How many numbers it reads for each row.
      public let elements: Int
    }

    /// Its size, in numbers for each row.
    public let elements: Int
    /// The nodes of the loop in the order in which they run.
    public let nodes: [PrintedLine]
    /// Its buffers, in the order of their places.
    public let buffers: [Buffer]
    /// All nodes, those within loops after their loop.
    public let all: [PrintedLine]
    /// What goes from node to node, by their numbers in `all`.
    public let flows: [Flow]
  }

  /// An incremental loop: what runs in each step.
  public struct Timeline: Sendable {
    /// A node of the loop.
    public struct Row: Sendable {
      /// What it does, and the part of the model that it is of.
      public let node: PrintedLine
      /// How many of its items run in each step.
      public let items: [Int]
    }

    /// The number of steps.
    public let steps: Int
    /// The nodes in the order in which a step runs them.
    public let rows: [Row]
  }

  /// The panels of a linear layer.
  public struct Layer: Sendable {
    /// Outputs in a row that see the same range of inputs and are computed together.
    public struct Panel: Sendable {
      /// The outputs.
      public let outputs: Range<Int>
      /// The inputs that they are multiplied with.
      public let inputs: Range<Int>
    }

    /// The layer's path in the model.
    public let scope: Scope
    /// The size of its weight.
    public let outputs: Int
    /// The size of its weight.
    public let inputs: Int
    /// Its panels, in order.
    public let panels: [Panel]
  }

  /// The memory of each loop over rows.
  public let memories: [Memory]
  /// The incremental loops.
  public let timelines: [Timeline]
  /// The packed layers.
  public let layers: [Layer]
}

extension TileProgram {
  /// What was decided, as numbers to draw.
  public var picture: ProgramPicture {
    ProgramPicture(
      memories: phases.map(memory),
      timelines: phases.flatMap { $0.nodes.flatMap(\.all) }.compactMap(timeline),
      layers: packings.map(layer))
  }

  private func printed(_ node: Node) -> PrintedLine {
    PrintedLine(node.body.label(function), node.scope)
  }

  private func memory(_ phase: RowPhase) -> ProgramPicture.Memory {
    let buffers = phase.scratch.lives.map { buffer, life in
      ProgramPicture.Memory.Buffer(
        name: buffer.name, offset: phase.scratch.range(of: buffer).lowerBound,
        elements: phase.scratch.range(of: buffer).count, life: life)
    }
    return ProgramPicture.Memory(
      elements: phase.scratch.elements, nodes: phase.nodes.map(printed),
      buffers: buffers.sorted { ($0.offset, $0.life.lowerBound) < ($1.offset, $1.life.lowerBound) },
      all: phase.nodes.flatMap(\.all).map(printed), flows: flows(phase))
  }

  /// Who reads what whom wrote. A loop reads what it prepares with before its nodes run, and takes what
  /// they leave after they have run.
  private func flows(_ phase: RowPhase) -> [ProgramPicture.Memory.Flow] {
    var writers: [Buffer: Int] = [:]
    var flows: [ProgramPicture.Memory.Flow] = []
    var count = 0
    func read(_ spans: [Span], _ node: Int) {
      // Panels of a layer read overlapping parts of its inputs.
      var found: [Int: [Buffer: Set<Int>]] = [:]
      for span in Set(spans) {
        let buffer = phase.scratch.root(of: span.buffer)
        guard let writer = writers[buffer], writer != node else { continue }
        found[writer, default: [:]][buffer, default: []].formUnion(span.elements)
      }
      flows += found.sorted { $0.key < $1.key }.map { writer, buffers in
        let elements = buffers.values.reduce(0) { $0 + $1.count }
        return ProgramPicture.Memory.Flow(from: writer, to: node, elements: elements)
      }
    }
    func write(_ spans: [Span], _ node: Int) {
      for span in spans { writers[phase.scratch.root(of: span.buffer)] = node }
    }
    func visit(_ node: Node) {
      let number = count
      count += 1
      read(node.body.reads, number)
      write(node.body.prepares, number)
      for inner in node.body.inner { visit(inner) }
      read(node.body.takes, number)
      write(node.body.writes, number)
    }
    for node in phase.nodes { visit(node) }
    return flows
  }

  private func timeline(_ node: Node) -> ProgramPicture.Timeline? {
    guard let loop = node.body as? StepsNode, loop.isIncremental else { return nil }
    let rows = loop.nodes.flatMap(\.all).map { node in
      var items = [Int](repeating: 0, count: loop.steps)
      for step in node.itemSteps where items.indices.contains(step) { items[step] += 1 }
      return ProgramPicture.Timeline.Row(node: printed(node), items: items)
    }
    return ProgramPicture.Timeline(
      steps: loop.steps, rows: rows.filter { $0.items.contains { $0 > 0 } })
  }

  private func layer(_ packing: Packing) -> ProgramPicture.Layer {
    let type = views.type(of: packing.pack.weight)
    return ProgramPicture.Layer(
      scope: scope(of: packing), outputs: type.shape[0], inputs: type.shape[1],
      panels: packing.pack.layout.panels.map {
        ProgramPicture.Layer.Panel(
          outputs: $0.row..<$0.row + $0.rows, inputs: $0.first..<$0.first + $0.k)
      })
  }
}
