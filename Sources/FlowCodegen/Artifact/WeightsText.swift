import FlowIR

/// Weights as C: one string literal, which compilers read ten times as fast as lists of numbers.
struct WeightsText {
  private(set) var text: [UInt8] = []
  /// A number that changes with the values: FNV-1a (Fowler, Noll, Vo), 64 bits.
  private(set) var digest = ""
  private static let bytesPerLine = 48

  init(_ arrays: [(name: String, bytes: [UInt8])], dtype: DType) {
    var number: UInt64 = 0xcbf2_9ce4_8422_2325
    var count = 0
    var literal: [UInt8] = []
    literal.reserveCapacity(arrays.reduce(0) { $0 + $1.bytes.count * 7 / 2 })
    for (index, (name, bytes)) in arrays.enumerated() {
      literal += Array("  /* \(index): \(Self.plain(name)) */\n".utf8)
      // Every array starts a cache line.
      let padded = bytes + [UInt8](repeating: 0, count: (64 - bytes.count % 64) % 64)
      for start in stride(from: 0, to: padded.count, by: Self.bytesPerLine) {
        Self.append(padded[start..<min(start + Self.bytesPerLine, padded.count)], to: &literal)
      }
      for byte in bytes { number = (number ^ UInt64(byte)) &* 0x100_0000_01b3 }
      count += padded.count
    }
    digest = String(number, radix: 16)
    let size = dtype == .f64 ? 8 : 4
    let head = """
      #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
      #error "the weights are little-endian"
      #endif
      static const union {
        char bytes[\(max(count, size))];
        fk_real numbers[\(max(count / size, 1))];
      } flow_weights __attribute__((aligned(64))) = {

      """
    text = Array(head.utf8) + (arrays.isEmpty ? Array("  \"\"\n".utf8) : literal)
    text += Array("};\n\n".utf8)
  }

  /// One line of the literal: printable characters stand for themselves, the others are octal.
  private static func append(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
    text += [0x20, 0x20, UInt8(ascii: "\"")]
    for (place, byte) in zip(bytes.indices, bytes) {
      switch byte {
      // A question mark could start a trigraph.
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "?"), 0...31, 127...255:
        text.append(UInt8(ascii: "\\"))
        // Short where no digit follows that would be taken for one of the escape.
        let next = place + 1 < bytes.endIndex ? bytes[place + 1] : 0
        let isLong = next >= UInt8(ascii: "0") && next <= UInt8(ascii: "7")
        if isLong || byte >= 64 { text.append(UInt8(ascii: "0") + byte >> 6) }
        if isLong || byte >= 8 { text.append(UInt8(ascii: "0") + byte >> 3 & 7) }
        text.append(UInt8(ascii: "0") + byte & 7)
      default: text.append(byte)
      }
    }
    text += [UInt8(ascii: "\""), 0x0a]
  }

  /// A name as it may stand in a comment.
  private static func plain(_ name: String) -> String {
    String(
      name.unicodeScalars.map { $0.isASCII && $0.value >= 32 && $0 != "*" ? Character($0) : "?" })
  }
}

/// Which arrays an artifact stores, and where, in bytes.
struct StoredWeights {
  let values: [String: [UInt8]]
  private(set) var order: [String] = []
  private var offsets: [String: Int] = [:]
  private var total = 0

  init(values: [String: [UInt8]]) { self.values = values }

  /// The place of an array, given one now if it has none.
  mutating func offset(of name: String) -> Int {
    if let known = offsets[name] { return known }
    defer { total += ((values[name]?.count ?? 0) + 63) / 64 * 64 }
    offsets[name] = total
    order.append(name)
    return total
  }
}
