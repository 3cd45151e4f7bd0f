import FlowIR

/// A function of a number whose erfc, or that of its negative or its size, the same group computes: all of them come
/// from one reduction.
struct BesideComplement {
  /// The C function.
  let function: String
  /// What the function is given.
  let number: Value

  /// `erf z`, or `exp -z²`, which is the derivative of both but for a factor.
  init?(_ operation: TensorOperation, _ group: GroupNode, _ views: Views) {
    func own(_ operation: TensorOperation) -> Value? {
      NormalParts.number(of: operation, views.definition(of:))
    }
    guard operation.opcode != .unary(.erfc), let unsigned = own(operation),
      group.operations.contains(where: { $0.opcode == .unary(.erfc) && own($0) == unsigned })
    else { return nil }
    let isErf = operation.opcode == .unary(.erf)
    function = isErf ? "fk_erf_beside_erfc" : "fk_bell_beside_erfc"
    number = isErf ? operation.operands[0] : unsigned
  }
}
