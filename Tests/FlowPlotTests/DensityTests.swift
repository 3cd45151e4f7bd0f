import Testing

@testable import FlowPlot

@Suite struct DensityTests {
  private static func area(_ loop: [Point]) -> Double {
    var sum = 0.0
    for (index, a) in loop.enumerated() {
      let b = loop[(index + 1) % loop.count]
      sum += a.x * b.y - b.x * a.y
    }
    return sum / 2
  }

  private static func grid(_ value: (Double, Double) -> Double) -> Grid {
    let places = Grid.points(-3...3, count: 121)
    return Grid(xs: places, ys: places, values: places.flatMap { y in places.map { value($0, y) } })
  }

  @Test("the outline of a disc has its area, and goes around it once")
  func disc() {
    let loops = Self.grid { -($0 * $0 + $1 * $1) }.outlines(from: -4)
    #expect(loops.count == 1)
    #expect(abs(Self.area(loops.first ?? []) - 4 * .pi) < 0.02)
  }

  @Test("a ring has an outer and an inner outline, which turn in opposite directions")
  func ring() {
    let loops = Self.grid { x, y in
      let r = (x * x + y * y).squareRoot()
      return -(r - 2) * (r - 2)
    }.outlines(from: -0.25)
    let areas = loops.map(Self.area).sorted()
    #expect(areas.count == 2)
    #expect(abs(areas[0] + .pi * 2.25) < 0.05 && abs(areas[1] - .pi * 6.25) < 0.05)
  }

  @Test("a region that reaches beyond the grid is closed along its border")
  func border() {
    let loops = Self.grid { x, _ in x }.outlines(from: 1)
    #expect(loops.count == 1)
    #expect(abs(Self.area(loops.first ?? []) - 2 * 6) < 1e-9)
  }

  @Test("saddles and numbers that are not finite leave closed loops")
  func saddles() {
    let wild = Self.grid { x, y in
      x > 2.5 ? .nan : y > 2.8 ? .infinity : Summary.sine(9 * x) * Summary.sine(9 * y)
    }
    for level in [-0.5, 0, 0.5] {
      for loop in wild.outlines(from: level) {
        #expect(loop.count >= 3)
        #expect(loop.allSatisfy { $0.x.isFinite && $0.y.isFinite })
      }
    }
  }

  @Test("levels of a Gaussian bound regions with their shares")
  func levels() {
    let grid = Self.grid { Summary.exponential(-0.5 * ($0 * $0 + $1 * $1) / 0.25) }
    let levels = SmoothDensity.levels(grid.values, shares: [0.95, 0.5])
    // Outside of radius r lies exp(-r^2 / 2 s^2).
    #expect(abs(levels[0] - 0.05) < 0.01 && abs(levels[1] - 0.5) < 0.02)
  }

  @Test("the estimated density of points has their mass and their mean, up to the edges")
  func estimate() {
    let values = (0..<2000).map { (Double($0) + 0.5) / 2000 }
    let curve = SmoothDensity.curve(values, in: 0...1)
    #expect(curve.allSatisfy { abs($0.y - 1) < 0.03 })
    let steps = Panel.steps(values, in: 0...1, bins: 10)
    #expect(steps.map(\.y).max().map { abs($0 - 1) < 0.01 } ?? false)
  }

  @Test("calibrated shares stay in the band, others leave it")
  func calibration() {
    let even = (0..<1000).map { (Double($0) + 0.5) / 1000 }
    #expect(CalibrationPlot.distance(even) < 0.001)
    #expect(CalibrationPlot.distance(even.map { $0 * $0 }) > CalibrationPlot.band(rows: 1000))
    #expect(abs(CalibrationPlot.distance([0.5]) - 0.5) < 1e-12)
  }
}
