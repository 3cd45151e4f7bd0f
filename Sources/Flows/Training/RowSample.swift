/// Some rows of a table that is read from the front: all, or one drawn from each of as many equal parts.
package struct RowSample {
  private let rows: Int
  private let most: Int
  private var part = 0
  private var generator = SeededGenerator(seed: 0)
  /// The next row that is drawn.
  private var pick = 0

  /// Begins before the first row.
  package init(rows: Int, most: Int) {
    (self.rows, self.most) = (rows, max(most, 1))
    if rows > self.most { draw() }
  }

  private mutating func draw() {
    let parts = Shares(total: most, taken: rows)
    let start = parts.before(part)
    pick = start + Int(generator.next() % UInt64(max(parts.before(part + 1) - start, 1)))
  }

  /// Which of the next rows are drawn, counted from the first of them.
  package mutating func places(in range: Range<Int>) -> [Int] {
    guard rows > most else { return Array(0..<range.count) }
    var found: [Int] = []
    while part < most, pick < range.upperBound {
      found.append(pick - range.lowerBound)
      part += 1
      if part < most { draw() }
    }
    return found
  }
}
