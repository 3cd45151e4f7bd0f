/// Writes the attributes of an operation in the text form.
struct AttributeWriter: AttributeCoder {
  typealias Failure = Never

  private let masks: MaskTable
  private var words: [String] = []

  /// The attributes as text; empty if there are none.
  static func text(_ opcode: Opcode, masks: MaskTable) -> String {
    var writer = AttributeWriter(masks: masks)
    var opcode = opcode
    opcode.code(with: &writer)
    return writer.words.joined(separator: " ")
  }

  private init(masks: MaskTable) { self.masks = masks }

  mutating func integer(_ keyword: String, _ value: inout Int) { words += [keyword, "\(value)"] }

  mutating func number(_ keyword: String, _ value: inout Double) {
    words += [keyword, Self.text(value)]
  }

  mutating func list(_ keyword: String?, _ values: inout [Int]) {
    if let keyword { words.append(keyword) }
    // A run a, a + 1, … is written a..b, b included.
    if values.count > 3, values == Array(values[0]..<values[0] + values.count) {
      words.append("[\(values[0])..\(values[0] + values.count - 1)]")
    } else {
      words.append("[" + values.map(String.init).joined(separator: ", ") + "]")
    }
  }

  mutating func flag(_ word: String, _ value: inout Bool) { if value { words.append(word) } }

  mutating func choice(_ set: String, _ unset: String, _ value: inout Bool) {
    words.append(value ? set : unset)
  }

  mutating func mask(_ mask: inout Mask?) {
    if let mask { words += ["mask", masks.name(mask)] }
  }

  mutating func elements(_ literal: inout Literal) {
    words.append(
      literal.splat.map(Self.text)
        ?? "[" + literal.storage.map(Self.text).joined(separator: ", ") + "]")
  }

  private static func text(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    return value.description
  }
}
