import FlowIR

extension RowLowering {
  /// Finds operations that compute what an earlier one does, from the same values or from values that
  /// are repeated themselves.
  ///
  ///     group of 9: exp absolute        the second absolute is not put beside the first, where it would
  ///     linear                          have to be stored: it runs where something reads it
  ///     group of 9: absolute multiply
  ///
  /// A pass put them there (`recompute`), because that costs less than to keep the value. The first
  /// may be one that nothing reads.
  func findRepeated() {
    struct Key: Hashable {
      let opcode: Opcode
      let operands: [Value]
    }
    var first: [Key: Value] = [:]
    var original: [Value: Value] = [:]
    for operation in parent == nil ? context.function.operations : operations {
      guard let result = operation.results.first else { continue }
      switch operation.opcode.traits.kind {
      case .constant, .whole, .structured: continue
      case .pointwise, .rearrangement, .assembly, .alongAxis: break
      }
      let key = Key(
        opcode: operation.opcode, operands: operation.operands.map { original[$0] ?? $0 })
      if let known = first[key] {
        original[result] = known
        repeated.insert(result)
      } else {
        first[key] = result
      }
    }
  }
}
