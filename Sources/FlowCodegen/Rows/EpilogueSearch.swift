import FlowIR

/// Finds the pointwise operations after a product of which exactly one value is used elsewhere.
///
/// Values are the same here if they hold the same elements in the same order, whatever their shapes:
/// a view that only reshapes is looked through.
struct EpilogueSearch {
  struct Chain {
    var indices: [Int] = []
    var result: Value
    var extra: (value: Value, buffer: Buffer)?
  }

  let lowering: RowLowering
  let product: Value
  private let elements: Int
  private var inside: Set<Value>
  private var chain: Chain
  private static let maximumLength = 16

  init(lowering: RowLowering, product: Value) {
    self.lowering = lowering
    self.product = product
    self.elements = lowering.context.type(of: product).elementCount
    self.inside = [product]
    self.chain = Chain(result: product)
  }

  func run() -> Chain {
    var search = self
    return search.grow()
  }

  private var views: Views { lowering.context.views }

  private mutating func grow() -> Chain {
    var best = chain
    while chain.indices.count < Self.maximumLength {
      let candidates = Set(inside.flatMap(readers)).filter {
        $0 >= 0 && !chain.indices.contains($0) && !lowering.fused.contains($0)
      }.sorted()
      guard candidates.contains(where: { absorb($0) }) else { break }
      let escaping = inside.filter { value in
        readers(of: value).contains { !chain.indices.contains($0) }
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

  /// The operations that read a value, or a reshaped view of it; -1 for results.
  private func readers(of value: Value) -> [Int] {
    (lowering.users[value] ?? []).flatMap { index -> [Int] in
      guard index >= 0 else { return [index] }
      let operation = lowering.operations[index]
      guard operation.opcode.isView, views.whole(operation.result) == value
      else { return [index] }
      return readers(of: operation.result)
    }
  }

  /// Takes an operation in if all that it reads is inside, constant, or the one extra value.
  private mutating func absorb(_ index: Int, depth: Int = 0) -> Bool {
    let saved = self
    if tryAbsorb(index, depth: depth) { return true }
    self = saved
    return false
  }

  private mutating func tryAbsorb(_ index: Int, depth: Int) -> Bool {
    let operation = lowering.operations[index]
    guard operation.opcode.isPointwise, depth < 4,
      lowering.context.type(of: operation.result).elementCount == elements
    else { return false }
    for operand in operation.operands {
      if views.splat(of: operand) != nil { continue }
      guard lowering.context.type(of: operand).hasRows, let value = views.whole(operand) else {
        return false
      }
      if inside.contains(value) || absorbWaiting(value, readBy: index, depth: depth)
        || isAvailable(value)
      {
        continue
      }
      guard let index = lowering.operations.firstIndex(where: { $0.results.contains(value) }),
        !lowering.fused.contains(index), lowering.places[value] == nil,
        tryAbsorb(index, depth: depth + 1)
      else { return false }
    }
    chain.indices.append(index)
    inside.insert(operation.result)
    return true
  }

  /// Takes in the operation that a value waits for, such as a derivative that is made of what another layer has left,
  /// if nothing else reads it: then it need not be stored.
  private mutating func absorbWaiting(_ value: Value, readBy reader: Int, depth: Int) -> Bool {
    guard let index = lowering.waiting[value], readers(of: value) == [reader] else { return false }
    return absorb(index, depth: depth + 1)
  }

  private mutating func isAvailable(_ value: Value) -> Bool {
    if let extra = chain.extra { return extra.value == value }
    if lowering.waiting[value] != nil { lowering.lowerWaiting(for: [value]) }
    let isArgument = views.definition(of: value) == nil && lowering.parent == nil
    guard isArgument || lowering.places[value] != nil || isFromOutside(value) else {
      return false
    }
    chain.extra = (value, lowering.storage(of: value).buffer)
    return true
  }

  private func isFromOutside(_ value: Value) -> Bool {
    lowering.parent != nil && !lowering.operations.contains { $0.results.contains(value) }
  }
}
