/// A constant boolean matrix: which entries of a weight matrix are used.
///
/// `mask[o, i]` says whether output `o` sees input `i`. Masks are part of the program, not of the
/// parameters: passes and the code generator exploit their zeros.
public struct Mask: Hashable, Sendable {
  /// The number of rows (outputs).
  public let rows: Int
  /// The number of columns (inputs).
  public let columns: Int
  /// The entries in row-major order.
  public let bits: [Bool]
  /// A hash of the entries, made once because masks are large.
  private let fingerprint: Int

  /// Makes a mask from its entries in row-major order.
  public init(rows: Int, columns: Int, bits: [Bool]) {
    precondition(
      bits.count == rows * columns,
      "a \(rows) x \(columns) mask needs \(rows * columns) entries, found \(bits.count)")
    self.rows = rows
    self.columns = columns
    self.bits = bits
    self.fingerprint = Self.fingerprint(of: bits)
  }

  /// FNV-1a (Fowler, Noll, Vo) over words of entries, so that the order of maps keyed by masks is
  /// stable.
  private static func fingerprint(of bits: [Bool]) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ word: UInt64) { hash = (hash ^ word) &* 0x100_0000_01b3 }
    bits.withUnsafeBytes { bytes in
      let words = bytes.count / 8
      for word in 0..<words {
        add(bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self))
        hash ^= hash >> 32
      }
      for byte in bytes[(words * 8)...] { add(UInt64(byte) + 1) }
    }
    return Int(truncatingIfNeeded: hash)
  }

  /// The entry for output `row` and input `column`.
  public subscript(row: Int, column: Int) -> Bool { bits[row * columns + column] }

  /// The row of one output, with an entry for each input.
  public func row(_ index: Int) -> ArraySlice<Bool> {
    bits[index * columns..<(index + 1) * columns]
  }

  /// The number of entries that are set.
  public var count: Int { bits.withUnsafeBytes { bytes in bytes.reduce(0) { $0 + Int($1) } } }

  /// The mask of the transposed matrix.
  public var transposed: Mask {
    var result: [Bool] = []
    result.reserveCapacity(bits.count)
    for column in 0..<columns {
      for row in 0..<rows { result.append(bits[row * columns + column]) }
    }
    return Mask(rows: columns, columns: rows, bits: result)
  }

  /// The mask whose entry `[i, j]` is this one's `[rowOrder[i], columnOrder[j]]`.
  public func reordered(rows rowOrder: [Int], columns columnOrder: [Int]) -> Mask {
    let keepsColumns = columnOrder.elementsEqual(0..<columns)
    if keepsColumns && rowOrder.elementsEqual(0..<rows) { return self }
    var result: [Bool] = []
    result.reserveCapacity(rowOrder.count * columnOrder.count)
    for row in rowOrder {
      self.row(row).withUnsafeBufferPointer { entries in
        if keepsColumns {
          result.append(contentsOf: entries)
        } else {
          for column in columnOrder { result.append(entries[column]) }
        }
      }
    }
    return Mask(rows: rowOrder.count, columns: columnOrder.count, bits: result)
  }

  /// Whether two masks have the same shape and entries.
  public static func == (left: Mask, right: Mask) -> Bool {
    left.rows == right.rows && left.columns == right.columns
      && left.fingerprint == right.fingerprint && left.bits == right.bits
  }

  /// Feeds shape and entries to a hasher.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(rows)
    hasher.combine(columns)
    hasher.combine(fingerprint)
  }
}
