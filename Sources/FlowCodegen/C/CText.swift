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
