import FlowIR

extension RowLowering {
  /// A linear layer, with the pointwise operations after it that can run in its registers.
  ///
  ///     %h = linear %x, %w, %b : rows x 5 x f32
  ///     %r = relu %h : rows x 5 x f32              linear 5 x 3 …, [7..<10] -> [2..<7] then relu
  ///     %s = add %r, %y : rows x 5 x f32      →      (and add, reading %y where it writes)
  ///
  /// The chain may read one other value, at the element being written, and exactly one of its values
  /// may be used elsewhere.
  func lowerLinear(_ operation: TensorOperation, mask: Mask?, index: Int) {
    let weight = operation.operands[1]
    let shape = context.type(of: weight).shape
    let (input, _) = buffer(of: operation.operands[0])
    let layout = PanelLayout(
      mask: mask, outputs: shape[0], inputs: shape[1], mixed: isTransposed(weight) && !isStepwise)
    let pack = context.pack(
      Pack(
        weight: weight, bias: operation.operands.count > 2 ? operation.operands[2] : nil,
        mask: mask, layout: layout))
    let chain = EpilogueSearch(lowering: self, product: operation.result).run()
    for index in chain.indices { fused.insert(index) }
    let elements = context.type(of: operation.result).elementCount
    let output = context.makeBuffer(elements, "v\(chain.result.id)")
    add(
      LinearNode(
        input: input, output: output, layout: layout, mask: mask, pack: pack,
        repeats: elements / shape[0], inputs: shape[1], outputs: shape[0],
        product: operation.result, epilogue: chain.indices.map { operations[$0] },
        result: chain.result, extra: chain.extra), operation.scope)
    places[chain.result] = .buffer(output, ready: count - 1)
  }
}

extension RowLowering {
  /// Whether a matrix is the transpose of another, as those of backward passes are. Products by zero
  /// do no harm there: a NaN in a row's cotangents makes all of that row's gradients NaN anyway.
  private func isTransposed(_ matrix: Value) -> Bool {
    guard let definition = context.views.definition(of: matrix) else { return false }
    if case .gather = definition.opcode { return isTransposed(definition.operands[0]) }
    if case .transpose = definition.opcode { return true }
    return false
  }
}

/// Finds the pointwise operations after a product of which exactly one value is used elsewhere.
private struct EpilogueSearch {
  struct Chain {
    var indices: [Int] = []
    var result: Value
    var extra: (value: Value, buffer: Buffer)?
  }

  let lowering: RowLowering
  let product: Value
  private var inside: Set<Value>
  private var chain: Chain
  private static let maximumLength = 16

  init(lowering: RowLowering, product: Value) {
    self.lowering = lowering
    self.product = product
    self.inside = [product]
    self.chain = Chain(result: product)
  }

  func run() -> Chain {
    var search = self
    return search.grow()
  }

  private mutating func grow() -> Chain {
    var best = chain
    while chain.indices.count < Self.maximumLength {
      let candidates = Set(inside.flatMap { lowering.users[$0] ?? [] }).filter {
        $0 >= 0 && !chain.indices.contains($0) && !lowering.fused.contains($0)
      }.sorted()
      guard candidates.contains(where: { absorb($0) }) else { break }
      let escaping = inside.filter { value in
        (lowering.users[value] ?? []).contains { !chain.indices.contains($0) }
      }
      if escaping.count == 1, let value = escaping.first,
        lowering.context.type(of: value).dtype.isFloat
      {
        chain.result = value
        best = chain
      }
    }
    return best
  }

  /// Takes an operation in if all that it reads is inside, constant, or the one extra value.
  private mutating func absorb(_ index: Int) -> Bool {
    let saved = self
    if tryAbsorb(index, depth: 0) { return true }
    self = saved
    return false
  }

  private mutating func tryAbsorb(_ index: Int, depth: Int) -> Bool {
    let operation = lowering.operations[index]
    guard operation.opcode.isPointwise, depth < 4,
      lowering.context.type(of: operation.result).shape
        == lowering.context.type(of: product).shape
    else { return false }
    for operand in operation.operands where !inside.contains(operand) {
      if lowering.context.views.splat(of: operand) != nil { continue }
      guard lowering.context.type(of: operand).hasRows else { return false }
      if isAvailable(operand) { continue }
      guard let index = lowering.operations.firstIndex(where: { $0.results.contains(operand) }),
        !lowering.fused.contains(index), lowering.places[operand] == nil,
        tryAbsorb(index, depth: depth + 1)
      else { return false }
    }
    chain.indices.append(index)
    inside.insert(operation.result)
    return true
  }

  private mutating func isAvailable(_ operand: Value) -> Bool {
    if let extra = chain.extra { return extra.value == operand }
    let refs = lowering.context.views.elements(of: operand)
    guard refs.enumerated().allSatisfy({ $1.source == operand && $1.index == $0 }) else {
      return false
    }
    let isArgument = lowering.context.views.definition(of: operand) == nil && lowering.parent == nil
    guard isArgument || lowering.places[operand] != nil || isFromOutside(operand) else {
      return false
    }
    chain.extra = (operand, lowering.storage(of: operand).buffer)
    return true
  }

  private func isFromOutside(_ operand: Value) -> Bool {
    lowering.parent != nil
      && !lowering.operations.contains { $0.results.contains(operand) }
  }
}
