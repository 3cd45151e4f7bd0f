import FlowIR

/// A sum over all rows that a row phase makes.
struct RowReduction {
  enum Kind {
    /// Element sums of a row value.
    case rowSum
    /// A weight gradient in blocks; `stride` numbers to an output.
    case weightGradient(PanelLayout, mask: Mask?, stride: Int, inputs: Int)
  }

  let kind: Kind
  /// The value that the sums become.
  let value: Value
  let elements: Int
}
