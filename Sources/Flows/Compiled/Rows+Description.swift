extension Rows: CustomStringConvertible {
  /// A small table: the names, the first rows, and how many there are.
  public var description: String {
    let shown = 6
    var cells = prefix(shown).map { row in row.map { Self.text($0) } }
    if let columnNames { cells.insert(columnNames, at: 0) }
    let widths = (0..<columns).map { column in cells.map { $0[column].count }.max() ?? 0 }
    var lines = cells.map { line in
      zip(line, widths).map { text, width in
        String(repeating: " ", count: width - text.count) + text
      }.joined(separator: "  ")
    }
    if count > shown { lines.append("…") }
    lines.append("\(count) x \(columns)")
    return lines.joined(separator: "\n")
  }

  /// A number with four decimals, or in Swift's shortest form where those would lose its digits.
  private static func text(_ value: Scalar) -> String {
    let size = abs(Double(value))
    guard size < 1e6, size == 0 || size >= 1e-3 else { return "\(value)" }
    let scaled = Int((size * 10_000).rounded())
    let digits = "\(scaled % 10_000 + 10_000)".dropFirst()
    return "\(value < 0 ? "-" : "")\(scaled / 10_000).\(digits)"
  }
}
