import FlowIR

/// Where the row values of a function are made and read, in stages that layers separate.
///
/// A value's stage is the number of layers, or of other operations that need a loop of their own, that
/// must have run before it on any path from the inputs.
struct RowFlow {
  let function: Function
  private(set) var definitions: [Value: TensorOperation] = [:]
  private var stages: [Value: Int] = [:]
  private var viewed: [Value: [Value]] = [:]
  private var later: [Value: Set<Int>] = [:]
  private var inMemory: Set<Value> = []

  init(_ function: Function) {
    self.function = function
    for argument in function.arguments where function.type(of: argument.value).hasRows {
      stages[argument.value] = 0
      inMemory.insert(argument.value)
    }
    for operation in function.operations { place(operation) }
    for result in function.results { inMemory.formUnion(sources(of: result.value)) }
  }

  private mutating func place(_ operation: TensorOperation) {
    for result in operation.results { definitions[result] = operation }
    let inputs = operation.inputs
    let sources = inputs.count == 1 ? sources(of: inputs[0]) : unique(inputs.flatMap(sources(of:)))
    if operation.opcode.isView {
      for result in operation.results { viewed[result] = sources }
      return
    }
    let stage = stage(of: operation, sources)
    let isRepeatable = operation.opcode.isRepeatable
    for source in sources where (stages[source] ?? 0) < stage {
      if isRepeatable {
        later[source, default: []].insert(stage)
      } else {
        inMemory.insert(source)
      }
    }
    for result in operation.results where function.type(of: result).hasRows {
      stages[result] = isRepeatable ? stage : stage + 1
    }
  }

  private func unique(_ values: [Value]) -> [Value] { Set(values).sorted() }

  /// The row values that a value is, or is a view of.
  func sources(of value: Value) -> [Value] {
    viewed[value] ?? (function.type(of: value).hasRows ? [value] : [])
  }

  /// The row values that an operation reads.
  func sources(of operation: TensorOperation?) -> [Value] {
    unique((operation?.inputs ?? []).flatMap(sources(of:)))
  }

  func stage(of value: Value) -> Int { stages[value] ?? 0 }

  /// The stage in which an operation that reads some values can run first.
  func stage(of operation: TensorOperation, _ sources: [Value]) -> Int {
    sources.map { stages[$0] ?? 0 }.max() ?? 0
  }

  /// Whether an operation of a later stage reads a value, which nothing else holds in memory.
  func isReadLater(_ value: Value) -> Bool { later[value] != nil && !inMemory.contains(value) }

  func laterStages(of value: Value) -> Set<Int> { later[value] ?? [] }

  /// Whether a value lies in memory for all later stages in any case.
  func isInMemory(_ value: Value) -> Bool { inMemory.contains(value) }

  /// Whether a value can be computed a second time.
  func canBeRepeated(_ value: Value) -> Bool {
    definitions[value]?.opcode.isRepeatable ?? false
  }
}

extension Opcode {
  /// Whether groups compute it in registers.
  fileprivate var isRepeatable: Bool {
    switch traits.kind {
    case .pointwise, .alongAxis: true
    case .constant, .rearrangement, .assembly, .whole, .structured: false
    }
  }
}
