extension String {
  /// The text as it may stand in a C comment, on one line.
  var inComment: String {
    String(unicodeScalars.map { $0.isASCII && $0.value >= 32 && $0 != "*" ? Character($0) : "?" })
  }
}

/// C text with indentation kept by braces.
struct CText {
  private(set) var text = ""
  private var depth = 0

  mutating func line(_ line: String) {
    if line.hasPrefix("}") { depth -= 1 }
    text += (line.hasPrefix("#") ? "" : String(repeating: "  ", count: max(depth, 0))) + line + "\n"
    if line.hasSuffix("{") { depth += 1 }
  }
}
