import FlowIR

extension CFile {
  /// The parameters of a function for tiles, and the arguments that calls of it begin with.
  static let tileParameters =
    "const void *const *args, void *const *results, const fk_real *state, const fk_real *work, "
    + "fk_real *s, "
  static let tileArguments = "args, results, state, work, s, "

  /// The functions of a phase whose tiles are solved in groups: one for each part between solutions, and
  /// the function of a group.
  func group(_ index: Int) -> String {
    let phase = program.phases[index]
    let printer = printer(phase)
    var parts = ""
    var start = 0
    for (number, end) in (phase.groups.map(\.position) + [phase.nodes.count]).enumerated() {
      parts += tile(
        "\(name)_tile_\(index)_part_\(number)", phase, Array(phase.nodes[start..<end]))
      parts += "\n"
      start = end + 1
    }
    var out = CText()
    out.line(
      "static void \(name)_tiles_\(index)(\(Self.tileParameters)int64_t row, int64_t end, "
        + "int64_t rows, uint64_t first_row) {")
    out.line("const int64_t tiles = (end - row + FK_TILE - 1) / FK_TILE;")
    // All groups take the same room for a tile: what one saves comes in place of what it has restored.
    let size = phase.groups.map(\.size).max() ?? 0
    for (number, group) in phase.groups.enumerated() {
      let spans = group.spans.map { "{\($0.scratch), \($0.saved), \($0.elements)}" }
      let table = definitions.table("fk_ode_span", spans.joined(separator: ", "))
      out.line("fk_ode_group group_\(number) = {")
      out.line(".scratch = s, .saved = s + (int64_t)\(program.scratchElements) * FK_TILE,")
      out.line(".size = \(size), .rows = end - row, .spans = \(table),")
      out.line(
        ".control = \(group.spans[0].scratch), .outs = \(group.outs), .ins = \(group.ins), "
          + ".all = \(group.spans.count)")
      out.line("};")
    }
    for number in 0...phase.groups.count {
      out.line("for (int64_t tile = 0; tile < tiles; tile++) {")
      if number > 0 {
        out.line(KernelCall.odeRestore(g: "&group_\(number - 1)", tile: "tile").statement)
        let (group, node) = solution(phase, number - 1)
        for line in printer.timed(node, group.solve.finish(in: printer), isStart: false) {
          out.line(line)
        }
      }
      out.line(
        "\(name)_tile_\(index)_part_\(number)(\(Self.tileArguments)row + tile * FK_TILE, rows, "
          + "first_row, 0, 0, 0);")
      guard number < phase.groups.count else { break }
      let (group, node) = solution(phase, number)
      let derivative = derivative(group.solve, printer)
      out.line("const int width = fk_ode_width(rows - row - tile * FK_TILE);")
      let begin = group.solve.begin(
        node, derivative, rows: "fk_least(FK_TILE, rows - row - tile * FK_TILE)", in: printer)
      for line in printer.timed(node, begin) { out.line(line) }
      out.line(KernelCall.odeSave(g: "&group_\(number)", tile: "tile").statement)
      out.line("}")
      let steps = group.solve.steps(
        node, derivative, group: "group_\(number)", in: printer)
      for line in printer.timed(node, steps, isStart: false) { out.line(line) }
    }
    out.line("}")
    out.line("}")
    return parts + out.text
  }

  private func solution(_ phase: RowPhase, _ number: Int) -> (group: ODEGroup, node: Node) {
    let group = phase.groups[number]
    return (group, phase.nodes[group.position])
  }

  /// A call of the function that evaluates a solution's derivatives.
  private func derivative(_ solve: ODESolveNode, _ printer: NodePrinter) -> String {
    let parameters =
      "(const void *const *args, const fk_real *state, const fk_real *work, fk_real *s, int width)"
    var body = CText()
    body.line("{")
    body.line("(void)args, (void)state, (void)work, (void)width;")
    for line in printer.statements(solve.nodes) { body.line(line) }
    body.line("}")
    let name = definitions.function("derivative", parameters, body.text)
    return name + "(args, state, work, s, width);"
  }
}
