extension Evaluation {
  /// Philox4x32-10 (Salmon et al., SC 2011) keyed by the seed, with the counter
  /// (row low, row high, block, stream); see `fk_random.h` for the mapping from bits to reals.
  func random(
    _ distribution: RandomDistribution, type: TensorType, stream: Int
  ) -> [Double] {
    let key = operands[0].values.map { UInt32(bitPattern: Int32(clamping: $0)) }
    var output: [Double] = []
    // Element i of a uniform tensor is drawn as row i of a tensor with one element a row would be.
    let count = type.hasRows ? type.elementCount : 1
    for row in 0..<(type.hasRows ? rows : type.elementCount) {
      let counter = UInt64(row + (type.hasRows ? firstRow : 0))
      for element in 0..<count {
        let words = Self.philox(
          (
            UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32),
            UInt32(element / 2), UInt32(stream)
          ), key: (key[0], key[1]))
        let (u, w) = Self.pair(words, isDouble: type.dtype == .f64)
        switch distribution {
        case .uniform: output.append(element % 2 == 0 ? u : w)
        case .normal:
          let radius = (-2 * RealMath.log(u)).squareRoot()
          let angle = 2 * Double.pi * w
          output.append(
            radius * (element % 2 == 0 ? RealMath.cos(angle) : RealMath.sin(angle)))
        }
      }
    }
    return output
  }

  private typealias Words = (UInt32, UInt32, UInt32, UInt32)

  private static func philox(_ counter: Words, key: (UInt32, UInt32)) -> Words {
    var (c, k) = (counter, key)
    for _ in 0..<10 {
      let a = UInt64(c.0) * 0xD251_1F53
      let b = UInt64(c.2) * 0xCD9E_8D57
      c = (
        UInt32(b >> 32) ^ c.1 ^ k.0, UInt32(truncatingIfNeeded: b),
        UInt32(a >> 32) ^ c.3 ^ k.1, UInt32(truncatingIfNeeded: a)
      )
      k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
    }
    return c
  }

  private static func pair(_ words: Words, isDouble: Bool) -> (Double, Double) {
    if isDouble {
      func unit(_ low: UInt32, _ high: UInt32) -> Double {
        let bits = UInt64(low) | UInt64(high) << 32
        return Swift.min((Double(bits >> 11) + 0.5) * 0x1p-53, 1 - 0x1p-53)
      }
      return (unit(words.0, words.1), unit(words.2, words.3))
    }
    func unit(_ word: UInt32) -> Double {
      let value = (Float(word >> 8) + 0.5) * 0x1p-24
      return Double(Swift.min(value, 1 - 0x1p-24))
    }
    return (unit(words.0), unit(words.1))
  }
}
