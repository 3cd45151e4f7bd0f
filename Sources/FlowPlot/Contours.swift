/// Numbers on a rectangular grid of points.
public struct Grid: Sendable {
  /// The coordinates of the columns, in increasing order.
  public let xs: [Double]
  /// The coordinates of the rows, in increasing order.
  public let ys: [Double]
  /// Row by row: `values[j * xs.count + i]` belongs to `(xs[i], ys[j])`.
  public var values: [Double]

  /// Makes a grid.
  ///
  /// - Precondition: there is a number for each point.
  public init(xs: [Double], ys: [Double], values: [Double]) {
    precondition(values.count == xs.count * ys.count, "a grid has a number for each point")
    (self.xs, self.ys, self.values) = (xs, ys, values)
  }

  /// Points that lie evenly over a range, its ends included.
  public static func points(_ range: ClosedRange<Double>, count: Int) -> [Double] {
    (0..<count).map { index in
      let part = Double(index) / Double(max(count - 1, 1))
      return range.lowerBound * (1 - part) + range.upperBound * part
    }
  }

  /// The outlines of the region where the numbers are at least `level`, as closed loops.
  ///
  /// They are found by marching squares (Lorensen and Cline, "Marching cubes", 1987, in two dimensions):
  /// each cell's corners say which of its sides the outline crosses, and the place on a side comes from
  /// linear interpolation. In a saddle the mean of the corners decides. The outline is closed along the
  /// border of the grid.
  public func outlines(from level: Double) -> [[Point]] {
    // One more ring of points around the grid is below every level, at the border's coordinates.
    let (columns, rows) = (xs.count + 2, ys.count + 2)
    func value(_ i: Int, _ j: Int) -> Double {
      guard i > 0, j > 0, i < columns - 1, j < rows - 1 else { return -.infinity }
      let found = values[(j - 1) * xs.count + i - 1]
      return found.isNaN ? -.infinity : found
    }
    func place(_ i: Int, _ j: Int) -> Point {
      Point(xs[min(max(i - 1, 0), xs.count - 1)], ys[min(max(j - 1, 0), ys.count - 1)])
    }
    // A side is named by its lower left point and whether it goes up.
    var next: [Int: Int] = [:]
    for j in 0..<rows - 1 {
      for i in 0..<columns - 1 {
        let corners = [value(i, j), value(i + 1, j), value(i + 1, j + 1), value(i, j + 1)]
        let inside = corners.map { $0 >= level }
        let index = (0..<4).reduce(0) { $0 | (inside[$1] ? 1 << $1 : 0) }
        guard index != 0, index != 15 else { continue }
        let corner = j * columns + i
        let (bottom, left) = (2 * corner, 2 * corner + 1)
        let (top, right) = (2 * (corner + columns), 2 * (corner + 1) + 1)
        let isFull = corners.reduce(0, +) / 4 >= level
        // The region lies to the left of each step.
        let steps: [(Int, Int)] =
          switch index {
          case 1: [(bottom, left)]
          case 2: [(right, bottom)]
          case 3: [(right, left)]
          case 4: [(top, right)]
          case 5: isFull ? [(bottom, right), (top, left)] : [(bottom, left), (top, right)]
          case 6: [(top, bottom)]
          case 7: [(top, left)]
          case 8: [(left, top)]
          case 9: [(bottom, top)]
          case 10: isFull ? [(left, bottom), (right, top)] : [(right, bottom), (left, top)]
          case 11: [(right, top)]
          case 12: [(left, right)]
          case 13: [(bottom, right)]
          default: [(left, bottom)]
          }
        for (from, to) in steps { next[from] = to }
      }
    }
    func crossing(_ side: Int) -> Point {
      let (corner, isVertical) = (side / 2, side % 2 == 1)
      let (i, j) = (corner % columns, corner / columns)
      let (k, l) = isVertical ? (i, j + 1) : (i + 1, j)
      let (a, b) = (value(i, j), value(k, l))
      let (from, to) = (place(i, j), place(k, l))
      guard a.isFinite, b.isFinite, a != b else { return a >= level ? from : to }
      let part = (level - a) / (b - a)
      return Point(from.x + part * (to.x - from.x), from.y + part * (to.y - from.y))
    }
    var loops: [[Point]] = []
    for start in next.keys.sorted() where next[start] != nil {
      var loop: [Point] = []
      var side = start
      while let after = next.removeValue(forKey: side) {
        loop.append(crossing(side))
        side = after
      }
      loops.append(loop)
    }
    return loops
  }
}
