/// The element type of a NumPy array: a kind, a size in bytes, and the order of the bytes.
struct NPYElement: Hashable {
  private enum Kind: Hashable {
    case float
    case signed
    case unsigned
  }

  let size: Int
  private let kind: Kind
  private let isBig: Bool

  /// Parses a description such as `<f4`; nil for what is not a number.
  init?(_ text: String) {
    let parts = Array(text.utf8)
    guard parts.count == 3, let size = Int(String(decoding: parts[2...], as: UTF8.self)) else {
      return nil
    }
    switch (parts[1], size) {
    case (UInt8(ascii: "f"), 2), (UInt8(ascii: "f"), 4), (UInt8(ascii: "f"), 8): kind = .float
    case (UInt8(ascii: "i"), 1), (UInt8(ascii: "i"), 2), (UInt8(ascii: "i"), 4),
      (UInt8(ascii: "i"), 8):
      kind = .signed
    case (UInt8(ascii: "u"), 1), (UInt8(ascii: "u"), 2), (UInt8(ascii: "u"), 4),
      (UInt8(ascii: "u"), 8), (UInt8(ascii: "b"), 1):
      kind = .unsigned
    default: return nil
    }
    guard "<>|=".utf8.contains(parts[0]) else { return nil }
    isBig = parts[0] == UInt8(ascii: ">")
    self.size = size
  }

  /// Whether float32 may not hold a number of this type.
  var isDouble: Bool { kind == .float ? size == 8 : size > 2 }

  /// Whether the bytes are those of a `Float` or `Double` in memory.
  func isStored(as size: Int) -> Bool { kind == .float && self.size == size && !isBig }

  /// The number that an element's bytes state.
  func number(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Double {
    var bits: UInt64 = 0
    for place in 0..<size {
      let shift = 8 * (isBig ? size - 1 - place : place)
      bits |= UInt64(bytes[offset + place]) << UInt64(shift)
    }
    switch kind {
    case .unsigned: return Double(bits)
    case .signed:
      let unused = 64 - 8 * size
      return Double(Int64(bitPattern: bits << UInt64(unused)) >> Int64(unused))
    case .float where size == 2: return Half.double(UInt16(truncatingIfNeeded: bits))
    case .float where size == 4:
      return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .float: return Double(bitPattern: bits)
    }
  }
}

/// 2-byte floats of IEEE 754.
enum Half {
  /// The number of a bit pattern, exact.
  static func double(_ bits: UInt16) -> Double {
    let sign = bits & 0x8000 == 0 ? 1.0 : -1.0
    let exponent = Int(bits >> 10 & 31)
    let fraction = Double(bits & 1023) / 1024
    if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
    return exponent == 0
      ? sign * fraction * 0x1p-14
      : sign * Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
  }
}
