import Foundation

/// What stands behind a shared object in the cache, so that a torn one is known before it is loaded.
///
/// The loader looks at an object's own parts alone; these lines come after them:
///
///     flowir-object SIZE DIGEST
///     needs FEATURE FEATURE …
///     end FEATURES' SIZE
///
/// `SIZE` and `DIGEST` are those of all bytes before; the features are those of the processor that it
/// was compiled on, which native code may use.
struct SealedObject {
  private static let mark = "\nflowir-object "

  /// The bytes of an object with its seal.
  static func seal(_ object: Data, features: Set<String>) -> Data {
    let needs = features.sorted().joined(separator: " ")
    let seal = "\(mark)\(object.count) \(digest(object))\nneeds \(needs)\n"
    let end = "end \(seal.utf8.count)\n"
    return object + Data(seal.utf8) + Data(end.utf8)
  }

  /// What an object needs of the processor; nil if its bytes are not the ones that were sealed.
  static func needs(of bytes: Data) -> Set<String>? {
    let last = String(decoding: bytes.suffix(32), as: UTF8.self).split(separator: "\n").last ?? ""
    guard last.hasPrefix("end "), let length = Int(last.dropFirst(4)),
      length > 0, length < 1 << 16, bytes.count >= length + last.utf8.count + 1
    else { return nil }
    let end = bytes.endIndex - last.utf8.count - 1
    let seal = String(decoding: bytes[(end - length)..<end], as: UTF8.self)
    let lines = seal.dropFirst().split(separator: "\n")
    guard seal.hasPrefix(mark), lines.count == 2 else { return nil }
    let words = lines[0].split(separator: " ")
    let object = bytes[bytes.startIndex..<(end - length)]
    guard words.count == 3, Int(words[1]) == object.count, words[2] == digest(object),
      lines[1].hasPrefix("needs")
    else { return nil }
    return Set(lines[1].dropFirst(5).split(separator: " ").map(String.init))
  }

  /// Two lanes of 64 bits, a product and a rotation for 8 bytes: it notices damage, not forgery, which
  /// the folder's owner and mode keep out.
  private static func digest(_ bytes: Data) -> String {
    var (a, b): (UInt64, UInt64) = (0xcbf2_9ce4_8422_2325, 0x9e37_79b9_7f4a_7c15)
    bytes.withUnsafeBytes { memory in
      func add(_ word: UInt64) {
        a = (a ^ word) &* 0x87c3_7b91_1142_53d5
        a = a << 31 | a >> 33
        b = (b &+ (word << 32 | word >> 32)) &* 0x4cf5_ad43_2745_937f
        b = (b << 27 | b >> 37) ^ a
      }
      for word in 0..<memory.count / 8 {
        add(memory.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self))
      }
      for byte in memory[(memory.count & ~7)...] { add(UInt64(byte)) }
    }
    return String(a, radix: 16) + String(b, radix: 16)
  }
}
