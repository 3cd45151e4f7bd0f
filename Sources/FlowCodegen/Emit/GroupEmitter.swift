import FlowIR

/// Prints one fused group as a C function of the buffers, uniform values and tables that it uses.
///
/// The text does not mention where those lie, so that groups of the same shape share a function.
/// The body is a list of segments: loops over the same inner extents, merged as far as the data
/// flow allows, so that values pass between operations in registers.
final class GroupEmitter {
  /// A pointer parameter of the function.
  enum Parameter: Hashable {
    case buffer(Int)
    case uniform(Value)
    case table([Int])
  }

  private final class Segment {
    let shape: [Int]
    var reversed: Int?
    var before: [String] = []
    var lines: [Line] = []
    init(shape: [Int]) { self.shape = shape }
  }

  private enum Line {
    case define(Value, index: String, expression: String)
    case raw(String)
  }

  private struct Local {
    var segment: Int
    /// Whether it is computed inside the segment's loops, at their own indices.
    var isDirect: Bool
    var shape: [Int]
  }

  private let group: GroupNode
  private let context: LoweringContext
  private(set) var parameters: [Parameter] = []
  private(set) var buffers: [Int: Buffer] = [:]
  private var segments: [Segment] = []
  private var locals: [Value: Local] = [:]
  private var assembled: [Value: Int] = [:]
  private var arrays: Set<Value> = []
  private var declarations: [String] = []
  private var numbers: [Value: Int] = [:]

  init(_ group: GroupNode, _ context: LoweringContext) {
    self.group = group
    self.context = context
    for operation in group.operations { emit(operation) }
    for store in group.stores { emitStore(store.value, store.buffer, store.map) }
  }

  private func dtype(_ value: Value) -> DType { context.type(of: value).dtype }

  /// A number for a value that does not depend on the rest of the function.
  private func number(of value: Value) -> Int {
    if let number = numbers[value] { return number }
    numbers[value] = numbers.count
    return numbers.count - 1
  }

  private func name(_ parameter: Parameter) -> String {
    let index = parameters.firstIndex(of: parameter) ?? parameters.count
    if index == parameters.count { parameters.append(parameter) }
    return "p\(index)"
  }

  private func pointer(_ buffer: Buffer) -> String {
    let root = buffer.root
    buffers[root.id] = root
    return name(.buffer(root.id))
  }

  /// The C variable of a loop; loop 0 of a group with several items is the group's own.
  private func variable(_ loop: Int) -> String {
    group.extent > 1 ? (loop == 0 ? "d" : "j\(loop - 1)") : "j\(loop)"
  }

  private func text(_ map: IndexMap, shape: [Int], loops: [Int]) -> String {
    switch map {
    case .affine(let base, let strides):
      return affine(base, strides, loops)
    case .table(let indices):
      let flat = affine(0, FlowCodegen.strides(of: shape), loops)
      return "\(name(.table(indices)))[\(flat)]"
    }
  }

  private func affine(_ base: Int, _ strides: [Int], _ loops: [Int]) -> String {
    var terms: [String] = base == 0 ? [] : ["\(base)"]
    for (stride, loop) in zip(strides, loops) where stride != 0 {
      terms.append(stride == 1 ? variable(loop) : "\(stride) * \(variable(loop))")
    }
    return terms.isEmpty ? "0" : terms.joined(separator: " + ")
  }

  // MARK: reads

  private enum Read {
    case text(String)
    case local(Value, map: IndexMap, shape: [Int], loops: [Int])
    case assembled(Value, Int, shape: [Int], loops: [Int])
  }

  private func load(_ buffer: Buffer, _ index: String, _ dtype: DType) -> String {
    let function = dtype.isFloat ? "fk_load" : "fk_load_int"
    return "\(function)(\(pointer(buffer)) + (\(index)) * FK_TILE + v)"
  }

  private func classify(_ operand: Value, loops: [Int]) -> Read {
    let type = context.type(of: operand)
    if let buffer = group.viewBuffers[operand] {
      let index = affine(0, strides(of: type.shape), loops)
      return .text(load(buffer, index, type.dtype))
    }
    if let splat = context.views.splat(of: operand) {
      return .text(Expressions.splat(splat, type.dtype))
    }
    let refs = context.views.elements(of: operand)
    guard let source = refs[0].source, refs.allSatisfy({ $0.source == source }) else {
      let segment = assemble(operand, refs: refs, loops: loops)
      return .assembled(operand, segment, shape: inner(type.shape), loops: innerLoops(loops))
    }
    if isUniform(source) || group.sources[source] != nil {
      let map = IndexMap(refs.map(\.index), shape: type.shape)
      let index = text(map, shape: type.shape, loops: loops)
      return .text(element(source, index))
    }
    let shape = inner(type.shape)
    let count = context.type(of: source).elementCount / group.extent
    let indices = refs.prefix(shape.reduce(1, *)).map { $0.index % count }
    return .local(
      source, map: IndexMap(indices, shape: shape), shape: shape, loops: innerLoops(loops))
  }

  private func isUniform(_ value: Value) -> Bool { !context.type(of: value).hasRows }

  private func element(_ source: Value, _ index: String) -> String {
    if isUniform(source) {
      let pointer = name(.uniform(source))
      return dtype(source).isFloat
        ? "fk_splat(\(pointer)[\(index)])"
        : "fk_splat_int(((const fk_word *)\(pointer))[\(index)])"
    }
    guard let buffer = group.sources[source] else {
      preconditionFailure("value \(source.id) is in no buffer")
    }
    return load(buffer, index, dtype(source))
  }

  private func inner(_ shape: [Int]) -> [Int] {
    group.extent > 1 ? Array(shape.dropFirst()) : shape
  }

  private func innerLoops(_ loops: [Int]) -> [Int] {
    group.extent > 1 ? Array(loops.dropFirst()) : loops
  }

  /// Collects elements of several sources in a local array; gives the segment that does so.
  private func assemble(_ operand: Value, refs: [ElementRef], loops: [Int]) -> Int {
    if let segment = assembled[operand] { return segment }
    let count = refs.count / group.extent
    let type = Expressions.type(dtype(operand))
    declarations.append("\(type) w\(number(of: operand))[\(count)];")
    var minimum = 0
    var lines: [Line] = []
    for j in 0..<count {
      let ref = refs[j]
      let expression: String
      if let source = ref.source {
        if isUniform(source) || group.sources[source] != nil {
          let step = group.extent > 1 ? refs[count + j].index - ref.index : 0
          expression = element(source, affine(ref.index, [step], [0]))
        } else {
          let size = context.type(of: source).elementCount / group.extent
          minimum = max(minimum, (locals[source]?.segment ?? 0) + 1)
          expression = arrayElement(source, "\(ref.index % size)")
        }
      } else {
        expression = Expressions.splat(ref.constant, dtype(operand))
      }
      lines.append(.raw("w\(number(of: operand))[\(j)] = \(expression);"))
    }
    let segment = place(shape: [], minimum: minimum, reversed: nil)
    segments[segment].lines += lines
    assembled[operand] = segment
    return segment
  }

  private func arrayElement(_ value: Value, _ index: String) -> String {
    arrays.insert(value)
    let count = context.type(of: value).elementCount / group.extent
    return count == 1 ? "a\(number(of: value))" : "a\(number(of: value))[\(index)]"
  }

  // MARK: segments

  private func place(shape: [Int], minimum: Int, reversed: Int?) -> Int {
    for index in segments.indices where index >= minimum {
      let segment = segments[index]
      guard segment.shape == shape else { continue }
      if let reversed {
        if segment.reversed == reversed { return index }
      } else {
        return index
      }
    }
    let segment = Segment(shape: shape)
    segment.reversed = reversed
    segments.append(segment)
    return segments.count - 1
  }

  /// The first segment in which a read may stand, for an operation over `shape`.
  private func minimumSegment(_ read: Read, shape: [Int]) -> Int {
    switch read {
    case .text: return 0
    case .assembled(_, let segment, _, _): return segment + 1
    case .local(let value, let map, let readShape, let loops):
      guard let local = locals[value] else {
        preconditionFailure("value \(value.id) is read before it is computed")
      }
      let same =
        local.isDirect && local.shape == shape && isIdentity(map, readShape)
        && loops.count == shape.count
      return same ? local.segment : local.segment + 1
    }
  }

  private func isIdentity(_ map: IndexMap, _ shape: [Int]) -> Bool {
    guard case .affine(0, let found) = map else { return false }
    return zip(zip(found, strides(of: shape)), shape).allSatisfy { $0.0 == $0.1 || $1 == 1 }
  }

  private func render(_ read: Read, segment: Int, shape: [Int]) -> String {
    switch read {
    case .text(let text): return text
    case .assembled(let operand, _, let readShape, let loops):
      return "w\(number(of: operand))[\(affine(0, strides(of: readShape), loops))]"
    case .local(let value, let map, let readShape, let loops):
      if let local = locals[value], local.segment == segment,
        minimumSegment(read, shape: shape) == segment, local.isDirect
      {
        return "v\(number(of: value))"
      }
      return arrayElement(value, text(map, shape: readShape, loops: loops))
    }
  }

  // MARK: operations

  private func emit(_ operation: Operation) {
    let space = IterationSpace(operation, context.function)
    let shape = space.inner
    let reads = zip(operation.operands, space.operandLoops).map { classify($0, loops: $1) }
    let minimum = reads.map { minimumSegment($0, shape: shape) }.max() ?? 0
    var reversed: Int?
    if case .cumulativeSum(let axis, true) = operation.opcode {
      reversed = space.isWhole ? axis : axis - 1
    }
    let index = place(shape: shape, minimum: minimum, reversed: reversed)
    let segment = segments[index]
    let operands = reads.map { render($0, segment: index, shape: shape) }
    let dtypes = operation.operands.map(dtype)
    let result = operation.result
    let resultIndex = affine(
      0, strides(of: inner(context.type(of: result).shape)),
      group.extent > 1 ? Array(space.resultLoops.dropFirst()) : space.resultLoops)
    switch operation.opcode {
    case .reduce(let reduction, let axis):
      if axis == 0 && !space.isWhole {
        emitLoopSum(operation, reduction, operands[0], segment: segment)
        return
      }
      let target = arrayElement(result, resultIndex)
      initialize(result, Expressions.identity(reduction, dtypes[0]), in: segment)
      segment.lines.append(
        .raw("\(target) = \(Expressions.combine(reduction, target, operands[0], dtypes[0]));"))
      locals[result] = Local(segment: index, isDirect: false, shape: [])
    case .cumulativeSum(let axis, _):
      let loop = space.isWhole ? axis : axis - 1
      let others = shape.indices.filter { $0 != loop }
      let count = others.map { shape[$0] }.reduce(1, *)
      let at = affine(
        0, strides(of: others.map { shape[$0] }), others.map { group.extent > 1 ? $0 + 1 : $0 })
      let type = Expressions.type(dtypes[0])
      segment.before.append("\(type) c\(number(of: result))[\(count)];")
      segment.before.append(
        "for (int i = 0; i < \(count); i++) c\(number(of: result))[i] = \(Expressions.splat(0, dtypes[0]));"
      )
      segment.lines.append(
        .raw("c\(number(of: result))[\(at)] = c\(number(of: result))[\(at)] + \(operands[0]);"))
      define(result, resultIndex, "c\(number(of: result))[\(at)]", segment: index, shape: shape)
    case .search:
      let target = arrayElement(result, resultIndex)
      initialize(result, "fk_splat_int(0)", in: segment)
      segment.lines.append(.raw("\(target) = \(target) - (\(operands[0]) < \(operands[1]));"))
      locals[result] = Local(segment: index, isDirect: false, shape: [])
    case .take:
      let target = arrayElement(result, resultIndex)
      let k = variable(group.extent > 1 ? shape.count : shape.count - 1)
      let select = dtypes[0].isFloat ? "fk_select" : "fk_select_int"
      segment.lines.append(
        .raw(
          "\(target) = \(k) == 0 ? \(operands[0]) : "
            + "\(select)(\(operands[1]) >= \(k), \(operands[0]), \(target));"))
      locals[result] = Local(segment: index, isDirect: false, shape: [])
    default:
      let expression = Expressions.pointwise(operation.opcode, operands, dtypes)
      define(result, resultIndex, expression, segment: index, shape: shape)
    }
  }

  private func define(
    _ value: Value, _ index: String, _ expression: String, segment: Int, shape: [Int]
  ) {
    segments[segment].lines.append(.define(value, index: index, expression: expression))
    locals[value] = Local(segment: segment, isDirect: true, shape: shape)
  }

  private func initialize(_ value: Value, _ identity: String, in segment: Segment) {
    let count = context.type(of: value).elementCount / group.extent
    segment.before.append(
      count == 1
        ? "a\(number(of: value)) = \(identity);"
        : "for (int i = 0; i < \(count); i++) a\(number(of: value))[i] = \(identity);")
  }

  private func emitLoopSum(
    _ operation: Operation, _ reduction: Reduction, _ operand: String, segment: Segment
  ) {
    guard let sum = group.sums[operation.result] else {
      preconditionFailure("value \(operation.result.id) has no accumulator")
    }
    let shape = context.type(of: operation.result).shape
    let index = affine(0, strides(of: shape), Array(1..<shape.count + 1))
    let type = dtype(operation.result)
    let target = "\(pointer(sum.buffer)) + (\(index)) * FK_TILE + v"
    let store = type.isFloat ? "fk_store" : "fk_store_int"
    let old = load(sum.buffer, index, type)
    segment.lines.append(
      .raw("\(store)(\(target), \(Expressions.combine(reduction, old, operand, type)));"))
  }

  private func emitStore(_ value: Value, _ buffer: Buffer, _ map: [Int]) {
    let full = context.type(of: value).shape
    let shape = inner(full)
    let loops = Array(full.indices)
    guard let local = locals[value] else { return }
    let read = Read.local(
      value, map: IndexMap(Array(0..<shape.reduce(1, *)), shape: shape), shape: shape,
      loops: innerLoops(loops))
    let index = place(
      shape: shape, minimum: minimumSegment(read, shape: shape), reversed: nil)
    _ = local
    let expression = render(read, segment: index, shape: shape)
    let isPartial = map.contains { $0 < 0 }
    let target = text(
      isPartial ? .table(map) : IndexMap(map, shape: full), shape: full, loops: loops)
    let function = dtype(value).isFloat ? "fk_store" : "fk_store_int"
    let store = "\(function)(\(pointer(buffer)) + (\(target)) * FK_TILE + v, \(expression));"
    segments[index].lines.append(.raw(isPartial ? "if (\(target) >= 0) \(store)" : store))
  }

  // MARK: text

  /// The body of the function, from the loop over items on.
  func body() -> String {
    var out = CText()
    out.line("for (int item = begin; item < end; item++) {")
    out.line("const int d = items ? items[item] : item;")
    out.line("(void)d;")
    out.line("for (int v = 0; v < FK_TILE; v += FK_LANES) {")
    for value in arrays.sorted(by: { number(of: $0) < number(of: $1) }) {
      let count = context.type(of: value).elementCount / group.extent
      let type = Expressions.type(dtype(value))
      out.line(
        count == 1 ? "\(type) a\(number(of: value));" : "\(type) a\(number(of: value))[\(count)];")
    }
    for declaration in declarations { out.line(declaration) }
    for segment in segments { write(segment, to: &out) }
    out.line("}")
    out.line("}")
    return out.text
  }

  private func write(_ segment: Segment, to out: inout CText) {
    for line in segment.before { out.line(line) }
    for (axis, extent) in segment.shape.enumerated() {
      out.line(
        segment.reversed == axis
          ? "for (int j\(axis) = \(extent - 1); j\(axis) >= 0; j\(axis)--) {"
          : "for (int j\(axis) = 0; j\(axis) < \(extent); j\(axis)++) {")
    }
    if segment.shape.isEmpty { out.line("{") }
    for line in segment.lines {
      switch line {
      case .raw(let text): out.line(text)
      case .define(let value, let index, let expression):
        out.line("const \(Expressions.type(dtype(value))) v\(number(of: value)) = \(expression);")
        if arrays.contains(value) {
          out.line("\(arrayElement(value, index)) = v\(number(of: value));")
        }
      }
    }
    for _ in segment.shape { out.line("}") }
    if segment.shape.isEmpty { out.line("}") }
  }
}

/// C text with indentation kept by braces.
struct CText {
  private(set) var text = ""
  private var depth = 0

  mutating func line(_ line: String) {
    if line.hasPrefix("}") { depth -= 1 }
    text += (line.hasPrefix("#") ? "" : String(repeating: "  ", count: max(depth, 0))) + line + "\n"
    if line.hasSuffix("{") { depth += 1 }
  }
}
