import FlowIR

/// Prints a tile program as one C file, without the kernel headers that precede it.
///
/// The file defines `NAME_prepare(args, state, threads)`, which packs parameters, and
/// `NAME_run(args, results, state, rows, first_row, threads)`, which returns 0, or 1 if memory
/// for its scratch could not be had. Pointers are in the order of the function's arguments and
/// results; row arrays are row-major.
public struct CFile {
  /// The text.
  public private(set) var text = ""
  /// The size of the memory that `prepare` fills, in elements of the function's float type.
  public let stateElements: Int

  private let program: TileProgram
  private let plan: UniformPlan
  private let name: String
  private var functions: [String: String] = [:]
  private var definitions: [String] = []
  private var tableNames: [String: String] = [:]
  private var body = CText()
  private let emitter: UniformEmitter

  /// Prints a program; `name` starts the names of its two entry points.
  public init(_ program: TileProgram, name: String) {
    self.program = program
    self.name = name
    plan = UniformPlan(program)
    emitter = UniformEmitter(function: program.function, plan: plan)
    stateElements = max(plan.stateElements, 16)
    var phases: [String] = []
    for index in program.phases.indices { phases.append(phase(index)) }
    let entries = prepare() + run()
    let tables = plan.tables.enumerated().map { constant($1, $0) }
    text = (tables + definitions + phases).joined(separator: "\n") + "\n" + entries
  }

  private func constant(_ literal: Literal, _ index: Int) -> String {
    let isFloat = literal.type.dtype.isFloat
    let values = literal.values.map { value -> String in
      switch literal.type.dtype {
      case .f32, .f64: Expressions.number(value, literal.type.dtype)
      case .i32: "\(Int(value))"
      case .bool: value == 0 ? "0" : "-1"
      }
    }
    return "static const \(isFloat ? "fk_real" : "fk_word") constant_\(index)[] = {"
      + values.joined(separator: ", ") + "};"
  }

  /// The name of a static table with these contents, defined once.
  private mutating func table(_ values: [Int], type: String = "int32_t") -> String {
    table(type, values.map(String.init).joined(separator: ", "))
  }

  private mutating func table(_ type: String, _ contents: String) -> String {
    let key = type + contents
    if let name = tableNames[key] { return name }
    let name = "table_\(tableNames.count)"
    tableNames[key] = name
    definitions.append("static const \(type) \(name)[] = {\(contents)};")
    return name
  }

  /// The name of a function with this text after its name, defined once.
  private mutating func function(_ prefix: String, _ text: String) -> String {
    if let name = functions[text] { return name }
    let name = "\(prefix)_\(functions.count)"
    functions[text] = name
    definitions.append("FK_OUTLINE void \(name)" + text)
    return name
  }

  private func pointer(_ buffer: Buffer) -> String { "s + \(buffer.root.offset) * FK_TILE" }
}

// MARK: - Nodes

extension CFile {
  private mutating func phase(_ index: Int) -> String {
    let phase = program.phases[index]
    var out = CText()
    out.line(
      "static void \(name)_tile_\(index)(const void *const *args, void *const *results, "
        + "const fk_real *state, const fk_real *work, fk_real *s, int64_t row, int64_t rows, "
        + "uint64_t first_row, fk_real *gradients, double *sums, int accumulate) {")
    out.line("const int64_t valid = rows - row < FK_TILE ? rows - row : FK_TILE;")
    out.line(
      "(void)args, (void)results, (void)state, (void)work, (void)first_row, (void)gradients, "
        + "(void)sums, (void)accumulate, (void)valid;")
    let layout = SlotLayout(phase)
    var scope = Scope()
    for node in phase.nodes {
      if node.scope != scope, !node.scope.path.isEmpty {
        scope = node.scope
        out.line("/* \(scope.path) */")
      }
      for line in statements(node, step: nil, layout: layout) { out.line(line) }
    }
    out.line("}")
    return out.text + loop(index, layout)
  }

  /// The loop over tiles, shared out among threads.
  private mutating func loop(_ index: Int, _ layout: SlotLayout) -> String {
    let phase = program.phases[index]
    let scratch = max(phase.scratchElements, 1)
    var out = CText()
    out.line("")
    out.line(
      "static int \(name)_rows_\(index)(const void *const *args, void *const *results, "
        + "const fk_real *state, fk_real *work, int64_t rows, int64_t first_row, int threads) {")
    out.line("const int64_t tiles = (rows + FK_TILE - 1) / FK_TILE;")
    out.line("const int64_t scratch = (int64_t)\(scratch) * FK_TILE;")
    if layout.isEmpty {
      out.line("if (threads > tiles) threads = tiles > 0 ? (int)tiles : 1;")
      out.line("fk_real *all = fk_allocate(threads * scratch * (int64_t)sizeof(fk_real));")
      out.line("if (!all) return 1;")
      out.line("#pragma omp parallel num_threads(threads) if (threads > 1)")
      out.line("{")
      out.line("fk_real *s = all + fk_thread() * scratch;")
      out.line("#pragma omp for schedule(static)")
      out.line("for (int64_t tile = 0; tile < tiles; tile++)")
      out.line(
        "\(name)_tile_\(index)(args, results, state, work, s, tile * FK_TILE, rows, "
          + "(uint64_t)first_row, 0, 0, 0);")
      out.line("}")
      out.line("free(all);")
      out.line("return 0;")
      out.line("}")
      return out.text
    }
    // Sums are made in slots whose number depends on the rows alone, then combined in order.
    out.line("const int slots = fk_slots(tiles);")
    out.line("if (threads > slots) threads = slots;")
    out.line("const int64_t gradients = \(layout.reals), sums = \(layout.doubles);")
    out.line(
      "fk_real *all = fk_allocate(threads * scratch * (int64_t)sizeof(fk_real) + "
        + "slots * (gradients * (int64_t)sizeof(fk_real) + sums * 8));")
    out.line("if (!all) return 1;")
    out.line("fk_real *slot_gradients = all + threads * scratch;")
    out.line("double *slot_sums = (double *)(slot_gradients + slots * gradients);")
    out.line("memset(slot_sums, 0, (size_t)(slots * sums * 8));")
    out.line("#pragma omp parallel num_threads(threads) if (threads > 1)")
    out.line("{")
    out.line("fk_real *s = all + fk_thread() * scratch;")
    out.line("#pragma omp for schedule(static, 1)")
    out.line("for (int slot = 0; slot < slots; slot++) {")
    out.line("const int64_t end = tiles * (slot + 1) / slots;")
    out.line("for (int64_t tile = tiles * slot / slots; tile < end; tile++)")
    out.line(
      "\(name)_tile_\(index)(args, results, state, work, s, tile * FK_TILE, rows, "
        + "(uint64_t)first_row, slot_gradients + slot * gradients, slot_sums + slot * sums, "
        + "tile > tiles * slot / slots);")
    out.line("}")
    for (reduction, offset) in zip(phase.reductions, layout.offsets) {
      for line in combine(reduction, offset) { out.line(line) }
    }
    out.line("}")
    out.line("free(all);")
    out.line("return 0;")
    out.line("}")
    return out.text
  }

  /// The statements that add up one reduction over the slots.
  private mutating func combine(_ reduction: RowReduction, _ offset: Int) -> [String] {
    guard plan.locations[reduction.value] != nil else { return [] }
    let target = emitter.pointer(reduction.value)
    switch reduction.kind {
    case .rowSum:
      return [
        "#pragma omp for schedule(static)",
        "for (int64_t i = 0; i < \(reduction.elements); i++) {", "double sum = 0;",
        "for (int slot = 0; slot < slots; slot++) sum += slot_sums[slot * sums + \(offset) + i];",
        "\(target)[i] = (fk_real)sum;", "}",
      ]
    case .weightGradient(let layout, let mask, let stride, let inputs):
      let name = panelTable(layout)
      var bits = "0"
      if let mask, layout.isIrregular { bits = table("uint32_t", MaskText.words(mask)) }
      return [
        "#pragma omp for schedule(static, 1)",
        "for (int i = 0; i < \(layout.panels.count); i++)",
        "fk_combine(slot_gradients + \(offset), gradients, slots, \(name) + i, \(stride), "
          + "\(inputs), \(bits), \(target));",
      ]
    }
  }

  private func panelContents(_ layout: PanelLayout, order: [Int]?) -> String {
    (order ?? Array(layout.panels.indices)).map { index in
      let panel = layout.panels[index]
      return "{\(panel.weights), \(panel.row), \(panel.rows), \(panel.first), \(panel.k)}"
    }.joined(separator: ", ")
  }

  private mutating func panelTable(_ layout: PanelLayout, order: [Int]? = nil) -> String {
    table("fk_panel", panelContents(layout, order: order))
  }

  /// The items of a node that belong to the current step of an enclosing loop: begin and end.
  private mutating func range(_ node: Node, count: Int, step: Int?) -> (
    begin: String, end: String, order: [Int]?
  ) {
    guard let steps = step else { return ("0", "\(count)", nil) }
    let order = node.itemSteps.indices.sorted {
      (node.itemSteps[$0], $0) < (node.itemSteps[$1], $1)
    }
    var starts = [Int](repeating: 0, count: steps + 1)
    for value in node.itemSteps { starts[value + 1] += 1 }
    for index in 0..<steps { starts[index + 1] += starts[index] }
    let name = table(starts)
    return ("\(name)[step]", "\(name)[step + 1]", order)
  }

  /// The statements of one node; `step` is the number of steps of an enclosing incremental loop.
  private mutating func statements(_ node: Node, step: Int?, layout: SlotLayout) -> [String] {
    switch node.kind {
    case .load(let argument, let buffer, let offset):
      let n = buffer.elements
      return [
        "fk_load_tile((const fk_real *)args[\(argument)] + row * \(n), \(n), valid, "
          + "\(pointer(buffer)) + \(offset) * FK_TILE);"
      ]
    case .store(let buffer, let result):
      let n = buffer.elements
      return [
        "fk_store_tile(\(pointer(buffer)), \(n), valid, (fk_real *)results[\(result)] + row * \(n));"
      ]
    case .copy(let runs, let target):
      return runs.enumerated().map { index, run in
        let condition = step == nil ? "" : "if (step == \(node.itemSteps[index])) "
        return condition + copy(run, target)
      }
    case .linear(let linear): return statements(linear, node: node, step: step)
    case .group(let group): return statements(group, node: node, step: step)
    case .weightGradient(let gradient):
      let reduction = layout.offsets[gradient.reduction]
      let stride = (gradient.inputs + 15) / 16 * 16
      let blocks = panelTable(gradient.layout)
      return [
        "if (valid < FK_TILE) fk_clear_rows(\(pointer(gradient.gradient)), \(gradient.outputs), valid);",
        "fk_transpose_tile(\(pointer(gradient.input)), \(gradient.inputs), "
          + "\(pointer(gradient.transposed)), \(stride));",
        "fk_weight_gradient(\(pointer(gradient.gradient)), \(pointer(gradient.transposed)), "
          + "\(stride), \(blocks), \(gradient.layout.panels.count), gradients + \(reduction), "
          + "accumulate);",
      ]
    case .random(let distribution, let stream, let seed, let buffer):
      let pointer = emitter.pointer(seed).replacingReal
      return [
        "fk_random(\(distribution == .normal ? 1 : 0), (uint32_t)(\(pointer))[0], "
          + "(uint32_t)(\(pointer))[1], first_row + (uint64_t)row, \(stream), \(buffer.elements), "
          + "\(self.pointer(buffer)));"
      ]
    case .rowSum(let buffer, let reduction):
      return [
        "fk_add_row_sums(\(pointer(buffer)), \(buffer.elements), valid, "
          + "sums + \(layout.offsets[reduction]));"
      ]
    case .steps(let steps): return statements(steps, layout: layout)
    }
  }

  private func copy(_ run: CopyRun, _ target: Buffer) -> String {
    let to = "\(pointer(target)) + \(run.target) * FK_TILE"
    switch run.source {
    case .buffer(let buffer, let index):
      return "memcpy(\(to), \(pointer(buffer)) + \(index) * FK_TILE, "
        + "\(run.count) * FK_TILE * sizeof(fk_real));"
    case .uniform(let value, let index):
      return "fk_fill_from(\(to), \(emitter.pointer(value)) + \(index), \(run.count));"
    case .constant(let value):
      let number = Expressions.number(value, program.dtype)
      return "fk_fill(\(to), \(number), \(run.count));"
    }
  }

  private mutating func statements(_ linear: LinearNode, node: Node, step: Int?) -> [String] {
    let (begin, end, order) = range(node, count: linear.layout.panels.count, step: step)
    let table = panelTable(linear.layout, order: order)
    let kernel = gemm(linear)
    guard case .state(let offset) = plan.packOffsets[linear.pack] else {
      guard case .work(let offset) = plan.packOffsets[linear.pack] else { return [] }
      return [call(kernel, "work + \(offset)", table, begin, end, linear)]
    }
    return [call(kernel, "state + \(offset)", table, begin, end, linear)]
  }

  private func call(
    _ kernel: String, _ packed: String, _ table: String, _ begin: String, _ end: String,
    _ linear: LinearNode
  ) -> String {
    let extra = linear.extra.map { pointer($0.buffer) } ?? "s"
    if linear.repeats == 1 {
      return "\(kernel)(\(packed), \(table), \(begin), \(end), \(pointer(linear.input)), "
        + "\(pointer(linear.output)), \(extra));"
    }
    let extraStep = linear.extra == nil ? "" : " + n * \(linear.outputs) * FK_TILE"
    return "for (int n = 0; n < \(linear.repeats); n++) \(kernel)(\(packed), \(table), \(begin), "
      + "\(end), \(pointer(linear.input)) + n * \(linear.inputs) * FK_TILE, "
      + "\(pointer(linear.output)) + n * \(linear.outputs) * FK_TILE, \(extra)\(extraStep));"
  }

  /// The kernel for an epilogue, defined once for all layers that share it.
  private mutating func gemm(_ linear: LinearNode) -> String {
    var numbers: [Value: String] = [linear.product: "acc"]
    var lines: [String] = []
    if let extra = linear.extra {
      let isFloat = program.function.type(of: extra.value).dtype.isFloat
      numbers[extra.value] = "x"
      lines.append(
        "const \(isFloat ? "fk_vec x = fk_load" : "fk_int x = fk_load_int")(extra);")
    }
    for operation in linear.epilogue {
      let dtypes = operation.operands.map { program.function.type(of: $0).dtype }
      var operands: [String] = []
      for (operand, dtype) in zip(operation.operands, dtypes) {
        if let known = numbers[operand] {
          operands.append(known)
        } else {
          let splat = program.context.views.splat(of: operand) ?? 0
          operands.append(Expressions.splat(splat, dtype))
        }
      }
      let name = "e\(lines.count)"
      let dtype = program.function.type(of: operation.result).dtype
      lines.append(
        "const \(Expressions.type(dtype)) \(name) = "
          + Expressions.pointwise(operation.opcode, operands, dtypes) + ";")
      numbers[operation.result] = name
    }
    let result = numbers[linear.result] ?? "acc"
    let body = lines.map { "  \($0)\n" }.joined() + "  return \(result);\n"
    if let name = functions["gemm" + body] { return name }
    let name = "linear_\(functions.count)"
    functions["gemm" + body] = name
    definitions.append(
      "FK_INLINE fk_vec \(name)_epilogue(fk_vec acc, const fk_real *extra) {\n  (void)extra;\n"
        + body + "}\nFK_DEFINE_GEMM(\(name), \(name)_epilogue)\n")
    return name
  }

  private mutating func statements(_ group: GroupNode, node: Node, step: Int?) -> [String] {
    let emitter = GroupEmitter(group, program.context)
    var parameters = "(int begin, int end, const int32_t *items"
    var arguments = ""
    for (index, parameter) in emitter.parameters.enumerated() {
      switch parameter {
      case .buffer(let id):
        parameters += ", fk_real *p\(index)"
        arguments += ", " + (emitter.buffers[id].map { pointer($0) } ?? "s")
      case .uniform(let value):
        parameters += ", const fk_real *p\(index)"
        arguments += ", " + self.emitter.pointer(value)
      case .table(let values):
        parameters += ", const int32_t *p\(index)"
        arguments += ", " + table(values)
      }
    }
    let name = function("group", parameters + ") {\n" + emitter.body() + "}\n")
    let (begin, end, order) = range(node, count: group.extent, step: step)
    let items = order.map { $0 == Array($0.indices) ? "0" : table($0) } ?? "0"
    let clear = step == nil ? self.clear(group) : []
    return clear + ["\(name)(\(begin), \(end), \(items)\(arguments));"]
  }

  /// Sets the accumulators of a group to the start of their reductions.
  private func clear(_ group: GroupNode) -> [String] {
    group.sums.sorted { $0.key < $1.key }.map { value, sum in
      let dtype = program.function.type(of: value).dtype
      let start =
        switch sum.reduction {
        case .sum: "0"
        case .product: "1"
        case .maximum: dtype.isFloat ? "-FK_INFINITY" : "-2147483647"
        case .minimum: dtype.isFloat ? "FK_INFINITY" : "2147483647"
        }
      return "fk_fill(\(pointer(sum.buffer)), \(start), \(sum.buffer.elements));"
    }
  }

  private mutating func statements(_ steps: StepsNode, layout: SlotLayout) -> [String] {
    var lines = ["fk_fill(\(pointer(steps.state)), 0, \(steps.state.elements));"]
    if steps.isIncremental {
      // What a masked product multiplies by zero before it is known must not be NaN.
      for node in steps.nodes {
        if case .linear(let linear) = node.kind, linear.layout.isIrregular,
          linear.input.root !== steps.state
        {
          lines.append("fk_fill(\(pointer(linear.input)), 0, \(linear.input.elements));")
        }
        if case .group(let group) = node.kind { lines += clear(group) }
      }
    }
    lines.append("for (int step = 0; step < \(steps.steps); step++) {")
    for node in steps.nodes {
      lines += statements(node, step: steps.isIncremental ? steps.steps : nil, layout: layout)
    }
    if !steps.isIncremental {
      // The values beside x belong to the x that went into the last pass.
      lines.append(
        "memcpy(\(pointer(steps.state)), \(pointer(steps.next)), "
          + "\(steps.state.elements) * FK_TILE * sizeof(fk_real));")
    }
    lines.append("}")
    if !steps.isIncremental {
      for node in steps.nodes { lines += statements(node, step: nil, layout: layout) }
    }
    return lines
  }
}

// MARK: - Entry points

extension CFile {
  private mutating func prepare() -> String {
    var out = CText()
    out.line("void \(name)_prepare(const void *const *args, fk_real *state, int threads) {")
    out.line("fk_real *work = 0;")
    out.line("void *const *results = 0;")
    out.line("(void)args, (void)state, (void)threads, (void)work, (void)results;")
    for line in emitter.statements(plan.operations[0]) { out.line(line) }
    for line in packs(level: 0) { out.line(line) }
    out.line("}")
    return out.text
  }

  private mutating func packs(level: Int) -> [String] {
    var lines: [String] = []
    for (index, pack) in program.context.packs.enumerated() where plan.packLevels[index] == level {
      let view = plan.packViews[index]
      let target: String
      switch plan.packOffsets[index] {
      case .state(let offset): target = "state + \(offset)"
      case .work(let offset): target = "work + \(offset)"
      case .argument, .result, .table: continue
      }
      var bias = "0, 0"
      if let biasView = plan.biasViews[index] {
        bias = "\(emitter.pointer(biasView.base)), \(table(biasView.indices))"
      }
      var mask = "0, 0"
      if let used = pack.mask, pack.layout.isIrregular {
        mask = "\(table("uint32_t", MaskText.words(used))), \(used.columns)"
      }
      lines.append("#pragma omp parallel for num_threads(threads) if (threads > 1)")
      lines.append("for (int i = 0; i < \(pack.layout.panels.count); i++)")
      lines.append(
        "fk_pack_panel(\(panelTable(pack.layout)) + i, \(emitter.pointer(view.base)), "
          + "\(table(view.rows)), \(table(view.columns)), \(bias), \(mask), \(target));")
    }
    return lines
  }

  private mutating func run() -> String {
    var out = CText()
    out.line(
      "int \(name)_run(const void *const *args, void *const *results, fk_real *state, "
        + "int64_t rows, int64_t first_row, int threads) {")
    out.line("fk_real *work = fk_allocate(\(plan.workElements + 16) * (int64_t)sizeof(fk_real));")
    out.line("if (!work) return 1;")
    out.line("int failed = 0;")
    out.line("(void)args, (void)results, (void)state, (void)first_row, (void)threads;")
    var level = 1
    while level < max(plan.operations.count, program.phases.count + 1) {
      if level < plan.operations.count {
        for line in emitter.statements(plan.operations[level]) { out.line(line) }
      }
      for line in packs(level: level) { out.line(line) }
      let phase = level - 1
      if phase < program.phases.count {
        out.line(
          "failed = failed || \(name)_rows_\(phase)(args, results, state, work, rows, first_row, threads);"
        )
      }
      level += 1
    }
    for (index, result) in program.function.results.enumerated()
    where !program.function.type(of: result.value).hasRows {
      if plan.locations[result.value] == .result(index) { continue }
      let count = program.function.type(of: result.value).elementCount
      out.line(
        "memcpy(results[\(index)], \(emitter.pointer(result.value)), \(count) * sizeof(fk_real));")
    }
    out.line("free(work);")
    out.line("return failed;")
    out.line("}")
    return out.text
  }
}

/// Where the sums of a row phase lie in a slot.
struct SlotLayout {
  /// The offset of each reduction, in doubles for sums and in reals for weight gradients.
  var offsets: [Int] = []
  var reals = 0
  var doubles = 0

  var isEmpty: Bool { offsets.isEmpty }

  init(_ phase: RowPhase) {
    for reduction in phase.reductions {
      switch reduction.kind {
      case .rowSum:
        offsets.append(doubles)
        doubles += (reduction.elements + 7) / 8 * 8
      case .weightGradient:
        offsets.append(reals)
        reals += (reduction.elements + 15) / 16 * 16
      }
    }
  }
}

extension String {
  /// A pointer expression to words instead of reals.
  fileprivate var replacingReal: String { "(const int32_t *)" + self }
}

extension TileProgram {
  /// The float type that the function computes in.
  public var dtype: DType {
    function.types.first { $0.dtype.isFloat }?.dtype ?? .f32
  }
}
