import FlowIR

/// The arrays that an artifact stores, each on cache lines of its own, in one block of memory that
/// the C code calls `flow_weights`.
struct StoredWeights {
  private let values: [String: [UInt8]]
  private var order: [String] = []
  private var offsets: [String: Int] = [:]
  private var total = 0

  init(values: [String: [UInt8]]) { self.values = values }

  /// The offset of an array in bytes; an array that has no place yet gets one.
  mutating func offset(of name: String) -> Int {
    if let known = offsets[name] { return known }
    defer { total += size(of: name) }
    offsets[name] = total
    order.append(name)
    return total
  }

  private func array(_ name: String) -> [UInt8] { values[name] ?? [] }

  /// The size of an array in whole cache lines.
  private func size(of name: String) -> Int { (array(name).count + 63) / 64 * 64 }

  /// The whole block.
  var bytes: [UInt8] {
    var block: [UInt8] = []
    block.reserveCapacity(total)
    for name in order {
      block += array(name)
      block += repeatElement(0, count: size(of: name) - array(name).count)
    }
    return block
  }

  /// A hash of a block's bytes: FNV-1a (Fowler, Noll, Vo), 64 bits, over words.
  static func digest(_ block: [UInt8]) -> String {
    var number: UInt64 = 0xcbf2_9ce4_8422_2325
    block.withUnsafeBytes { block in
      for at in stride(from: 0, to: block.count, by: 8) {
        let word = UInt64(littleEndian: block.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        number = (number ^ word) &* 0x100_0000_01b3
      }
    }
    return String(number, radix: 16)
  }

  /// A declaration's start: the type and the name.
  private func declaration(dtype: DType) -> String {
    let size = dtype.byteCount
    return """
      #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
      #error "the weights are little-endian"
      #endif
      union flow_weights {
        char bytes[\(max(total, size))];
        fk_real numbers[\(max(total / size, 1))];
      };

      """
  }

  /// The block as C that reads it from a file when it is assembled.
  ///
  /// Code and data lie within 2 GB of each other on x86-64. The block may be larger, so that it goes to
  /// the section for large constants, beyond all else, and is reached through a pointer of 64 bits.
  func included(from path: String, dtype: DType) -> String {
    declared(dtype: dtype) + placed(from: path)
  }

  /// The declaration of the block, for C whose assembler does not read it.
  func declared(dtype: DType) -> String {
    declaration(dtype: dtype) + """
      extern const union flow_weights *const flow_weights_place __asm__("flow_weights_place")
          __attribute__((visibility("hidden")));
      #define flow_weights (*flow_weights_place)

      """
  }

  /// The block itself, read from a file when the C is assembled, for all translation units of an object.
  func placed(from path: String) -> String {
    // Escaped for the assembler, and the result again for the compiler.
    let name = path.utf8.map { byte in
      let digits = String(byte, radix: 8)
      return "\\\\" + String(repeating: "0", count: 3 - digits.count) + digits
    }.joined()
    return """
      #ifdef __APPLE__
      __asm__(".section __TEXT,__const\\n"
      #elif defined(__x86_64__)
      __asm__(".section .lrodata,\\"al\\",@progbits\\n"
      #else
      __asm__(".section .rodata\\n"
      #endif
              ".balign 64\\n"
              "flow_weights:\\n"
              ".incbin \\"\(name)\\"\\n"
              ".zero \(total == 0 ? 64 : 0)\\n"
      #ifdef __APPLE__
              ".section __DATA,__const\\n"
      #else
              ".section .data.rel.ro,\\"aw\\",%progbits\\n"
      #endif
              ".balign 8\\n"
              ".globl flow_weights_place\\n"
      #ifdef __APPLE__
              ".private_extern flow_weights_place\\n"
      #else
              ".hidden flow_weights_place\\n"
      #endif
              "flow_weights_place:\\n"
              ".quad flow_weights\\n"
              ".text\\n");


      """
  }

  private static let bytesPerLine = 48

  /// The block as C: one string literal, which compilers read ten times as fast as lists of numbers.
  func literal(_ block: [UInt8], dtype: DType) -> [UInt8] {
    var text = Array(declaration(dtype: dtype).utf8)
    text.reserveCapacity(total * 7 / 2)
    text += Array(
      "static const union flow_weights flow_weights __attribute__((aligned(64))) = {\n".utf8)
    if order.isEmpty { text += Array("  \"\"\n".utf8) }
    for (index, name) in order.enumerated() {
      text += Array("  /* \(index): \(name.inComment) */\n".utf8)
      let start = offsets[name] ?? 0
      let end = start + size(of: name)
      for line in stride(from: start, to: end, by: Self.bytesPerLine) {
        Self.append(block[line..<min(line + Self.bytesPerLine, end)], to: &text)
      }
    }
    return text + Array("};\n\n".utf8)
  }

  /// One line of the literal: printable characters stand for themselves, the others are octal.
  private static func append(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
    text += [0x20, 0x20, UInt8(ascii: "\"")]
    for (place, byte) in zip(bytes.indices, bytes) {
      switch byte {
      // A question mark could start a trigraph.
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "?"), 0...31, 127...255:
        text.append(UInt8(ascii: "\\"))
        // The short form, unless a digit follows that would be read as part of the escape.
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
}
