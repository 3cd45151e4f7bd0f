import FlowFiles

/// Linear transforms with products of reflections.
extension PartReader {
  /// A product of reflections, or one with a triangular matrix; nil for another class.
  func orthogonal(
    _ inner: DescriptionReader, _ tensors: UnconditionalTensors
  ) throws(FlowError) -> (() -> any Transform)? {
    guard ["HouseholderTransform", "QRLinearTransform"].contains(inner.type) else { return nil }
    try inner.allow(["inverse", "vectors"])
    let count = try inner.integer(
      "vectors", default: min(features, SizeLimit.parts), in: 1...SizeLimit.parts)
    let scope = tensors.scope
    let square = Size(features) * Size(features)
    try scope.registry.reserve(square, for: scope.path)
    func tensor(_ name: String, _ shape: [Int], _ start: Parameter.Initializer) -> Parameter {
      scope.tensor(name, shape, initializer: start, isBuffer: tensors.isBuffer)
    }
    let vectors = tensor("q_vectors", [count, features], .normal())
    guard inner.type == "QRLinearTransform" else {
      return { HouseholderTransform(vectors: vectors.tensor) }
    }
    let above = features * (features - 1) / 2
    let upper = above > 0 ? tensor("upper_entries", [above], .zeros) : nil
    let diagonal = tensor("log_upper_diag", [features], .zeros)
    let bias = tensor("bias", [features], .zeros)
    return {
      QRLinearTransform(
        vectors: vectors.tensor, upper: upper?.tensor, logDiagonal: diagonal.tensor,
        bias: bias.tensor)
    }
  }
}
