/// Compressed data can't be read: the offset of the fault.
struct InflateError: Error {
  let offset: Int
}

/// Data compressed by DEFLATE (Deutsch, RFC 1951).
struct Inflate {
  /// The code of symbols by length: how many codes have each, and the symbols in their order.
  private struct Code {
    var counts = [Int](repeating: 0, count: 16)
    var symbols: [Int] = []

    init(_ lengths: some Sequence<Int>) {
      let lengths = Array(lengths)
      for length in lengths { counts[length] += 1 }
      counts[0] = 0
      for length in 1...15 {
        symbols += lengths.indices.filter { lengths[$0] == length }
      }
    }
  }

  private let input: [UInt8]
  private let size: Int
  private var position = 0
  private var bits: UInt32 = 0
  private var held = 0
  private var output: [UInt8] = []

  /// Unpacks data that are known to have so many bytes.
  static func bytes(_ input: [UInt8], size: Int) throws(InflateError) -> [UInt8] {
    var state = Inflate(input: input, size: size)
    state.output.reserveCapacity(size)
    while try !state.block() {}
    guard state.output.count == size else { throw state.damaged }
    return state.output
  }

  private init(input: [UInt8], size: Int) {
    self.input = input
    self.size = size
  }

  private var damaged: InflateError { InflateError(offset: position) }

  private mutating func take(_ count: Int) throws(InflateError) -> Int {
    while held < count {
      guard position < input.count else { throw damaged }
      bits |= UInt32(input[position]) << UInt32(held)
      position += 1
      held += 8
    }
    let value = bits & (1 << UInt32(count) - 1)
    bits >>= UInt32(count)
    held -= count
    return Int(value)
  }

  /// One block; true after the last.
  private mutating func block() throws(InflateError) -> Bool {
    let isLast = try take(1) == 1
    switch try take(2) {
    case 0: try stored()
    case 1:
      let lengths = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
      try codes(Code(lengths), Code(Array(repeating: 5, count: 30)))
    case 2: try dynamic()
    default: throw damaged
    }
    return isLast
  }

  private mutating func stored() throws(InflateError) {
    (bits, held) = (0, 0)
    guard position + 4 <= input.count else { throw damaged }
    let length = Int(input[position]) | Int(input[position + 1]) << 8
    position += 4
    guard length <= input.count - position, length <= size - output.count else { throw damaged }
    output += input[position..<position + length]
    position += length
  }

  private mutating func dynamic() throws(InflateError) {
    let (literals, distances) = (try take(5) + 257, try take(5) + 1)
    let count = try take(4) + 4
    let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    var lengths = [Int](repeating: 0, count: 19)
    for place in 0..<count { lengths[order[place]] = try take(3) }
    let code = Code(lengths)
    lengths = []
    while lengths.count < literals + distances {
      let symbol = try self.symbol(code)
      switch symbol {
      case 0..<16: lengths.append(symbol)
      case 16:
        guard let last = lengths.last else { throw damaged }
        lengths += Array(repeating: last, count: 3 + (try take(2)))
      case 17: lengths += Array(repeating: 0, count: 3 + (try take(3)))
      default: lengths += Array(repeating: 0, count: 11 + (try take(7)))
      }
    }
    guard lengths.count == literals + distances else { throw damaged }
    try codes(Code(lengths[..<literals]), Code(lengths[literals...]))
  }

  private mutating func symbol(_ code: Code) throws(InflateError) -> Int {
    var (value, first, index) = (0, 0, 0)
    for length in 1...15 {
      value |= try take(1)
      let count = code.counts[length]
      if value - count < first { return code.symbols[index + value - first] }
      index += count
      first = (first + count) << 1
      value <<= 1
    }
    throw damaged
  }

  private mutating func codes(_ literals: Code, _ distances: Code) throws(InflateError) {
    while true {
      let symbol = try self.symbol(literals)
      if symbol < 256 {
        guard output.count < size else { throw damaged }
        output.append(UInt8(symbol))
        continue
      }
      if symbol == 256 { return }
      guard symbol < 286 else { throw damaged }
      let length = try Self.lengthBase[symbol - 257] + take(Self.lengthBits[symbol - 257])
      let code = try self.symbol(distances)
      guard code < 30 else { throw damaged }
      let distance = try Self.distanceBase[code] + take(code < 2 ? 0 : code / 2 - 1)
      guard distance <= output.count, length <= size - output.count else { throw damaged }
      for _ in 0..<length { output.append(output[output.count - distance]) }
    }
  }

  private static let lengthBase = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
  ]
  private static let lengthBits = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distanceBase = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
    3073, 4097, 6145, 8193, 12289, 16385, 24577,
  ]
}
