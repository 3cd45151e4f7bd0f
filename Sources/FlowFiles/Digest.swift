/// A fingerprint of bytes, to notice what changed; no protection against forgery.
///
/// Two lanes of 64 bits, each a product and a rotation for 8 bytes, with the length at the end
/// (after the mixing of MurmurHash3, Appleby).
public struct Digest: Sendable {
  private var a: UInt64 = 0xcbf2_9ce4_8422_2325
  private var b: UInt64 = 0x9e37_79b9_7f4a_7c15
  private var count: UInt64 = 0

  /// Makes the digest of no bytes.
  public init() {}

  /// The digest of a text.
  public init(of text: String) {
    self.init()
    update(text)
  }

  /// Adds the bytes of a text.
  public mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }

  /// Adds the bytes of numbers.
  public mutating func update<Number: BinaryFloatingPoint>(_ values: [Number]) {
    values.withUnsafeBytes { update($0) }
  }

  /// Adds bytes. Two pieces added one after the other give another digest than both added at once.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    let words = bytes.count / 8
    for word in 0..<words {
      add(bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self).littleEndian)
    }
    var last: UInt64 = 0
    for byte in bytes[(8 * words)...].reversed() { last = last << 8 | UInt64(byte) }
    add(last)
    count &+= UInt64(bytes.count)
    add(count)
  }

  private mutating func add(_ word: UInt64) {
    a = (a ^ word) &* 0x87c3_7b91_1142_53d5
    a = a << 31 | a >> 33
    b = (b &+ (word << 32 | word >> 32)) &* 0x4cf5_ad43_2745_937f
    b = b << 27 | b >> 37
    b ^= a
  }

  /// The digest in 32 hexadecimal digits.
  public var text: String { Self.digits(Self.mixed(a ^ count)) + Self.digits(Self.mixed(b &+ a)) }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ value >> 33) &* 0xff51_afd7_ed55_8ccd
    value = (value ^ value >> 33) &* 0xc4ce_b9fe_1a85_ec53
    return value ^ value >> 33
  }

  private static func digits(_ value: UInt64) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }
}
