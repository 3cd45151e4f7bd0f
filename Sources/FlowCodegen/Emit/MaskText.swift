import FlowIR

/// Masks as C data.
enum MaskText {
  /// The bits of a mask in row-major order, 32 to a word, least significant first.
  static func words(_ mask: Mask) -> String {
    var words: [String] = []
    var index = 0
    while index < mask.bits.count {
      var word: UInt32 = 0
      for bit in 0..<32 where index + bit < mask.bits.count && mask.bits[index + bit] {
        word |= 1 << UInt32(bit)
      }
      words.append("0x" + String(word, radix: 16))
      index += 32
    }
    return words.joined(separator: ", ")
  }
}
