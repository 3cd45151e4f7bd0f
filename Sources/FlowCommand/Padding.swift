extension String {
  /// The text at the right of a column of so many characters.
  func right(_ width: Int) -> String {
    String(repeating: " ", count: max(width - count, 0)) + self
  }

  /// The text at the left of a column of so many characters.
  func left(_ width: Int) -> String {
    self + String(repeating: " ", count: max(width - count, 0))
  }
}
