extension Int32 {
  /// A float rounded toward zero and clamped to the range of `Int32`; 0 for NaN.
  init(clamping value: Double) {
    if value.isNaN {
      self = 0
    } else {
      self = Int32(Swift.min(Swift.max(value, Double(Int32.min)), Double(Int32.max)))
    }
  }
}
