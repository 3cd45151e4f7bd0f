import FlowIR

extension Reduction {
  /// The value that a reduction of numbers of a type starts from.
  func identity(_ dtype: DType) -> Double {
    switch self {
    case .sum: 0
    case .product: 1
    case .maximum: dtype.isFloat ? -.infinity : -Double(Int32.max)
    case .minimum: dtype.isFloat ? .infinity : Double(Int32.max)
    }
  }
}
