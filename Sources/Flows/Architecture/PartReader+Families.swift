import FlowFiles

/// Families of element-wise transforms that other libraries have and Zuko does not.
extension PartReader {
  /// An affine transform whose scale a function makes positive.
  func positiveAffine(_ inner: DescriptionReader) throws(FlowError) -> Univariate {
    var visitor = ArgumentVisitor(inner, place: inner.place, release: release)
    var positive = PositiveAffineTransform.Positive.softplus
    var (offset, epsilon) = (0.0, 1e-3)
    try visitor.choice("positive", &positive)
    try visitor.number("offset", &offset)
    try visitor.number("epsilon", &epsilon, expected: "a number of 0 or more") { $0 >= 0 }
    try inner.allow(visitor.keys)
    return Univariate(shapes: [[], []]) {
      PositiveAffineTransform(
        shift: $0[0], scale: $0[1], positive: positive, offset: offset, epsilon: epsilon)
    }
  }
}
