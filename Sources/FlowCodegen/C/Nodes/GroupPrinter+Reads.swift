import FlowIR

extension GroupPrinter {
  enum Read {
    case text(String)
    case local(Value, map: IndexMap, shape: [Int], loops: [Int])
    case assembled(Value, Int, shape: [Int], loops: [Int])
  }

  func load(_ buffer: Buffer, _ index: String, _ dtype: DType) -> String {
    let function = dtype.isFloat ? "fk_load" : "fk_load_int"
    return "\(function)(\(pointer(buffer)) + (\(index)) * FK_TILE + v)"
  }

  func classify(_ operand: Value, loops: [Int]) -> Read {
    let type = views.type(of: operand)
    if let buffer = group.viewBuffers[operand] {
      let index = affine(0, strides(of: type.shape), loops)
      return .text(load(buffer, index, type.dtype))
    }
    if let splat = views.splat(of: operand) {
      return .text(Expressions.splat(splat, type.dtype))
    }
    let refs = views.elements(of: operand)
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
    let count = elementCount(of: source)
    let indices = refs.prefix(shape.reduce(1, *)).map { $0.index % count }
    return .local(
      source, map: IndexMap(indices, shape: shape), shape: shape, loops: innerLoops(loops))
  }

  func isUniform(_ value: Value) -> Bool { !views.type(of: value).hasRows }

  func element(_ source: Value, _ index: String) -> String {
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

  func inner(_ shape: [Int]) -> [Int] {
    group.extent > 1 ? Array(shape.dropFirst()) : shape
  }

  func innerLoops(_ loops: [Int]) -> [Int] {
    group.extent > 1 ? Array(loops.dropFirst()) : loops
  }

  /// Collects elements of several sources in a local array; gives the segment that does so.
  func assemble(_ operand: Value, refs: [ElementRef], loops: [Int]) -> Int {
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
          let size = elementCount(of: source)
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

  func arrayElement(_ value: Value, _ index: String) -> String {
    arrays.insert(value)
    if group.tail?.carried.contains(value) == true { return "a\(number(of: value))[v / FK_LANES]" }
    let count = elementCount(of: value)
    return count == 1 ? "a\(number(of: value))" : "a\(number(of: value))[\(index)]"
  }
}
