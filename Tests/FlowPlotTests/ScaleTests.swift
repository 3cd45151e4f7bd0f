import Testing

@testable import FlowPlot

@Suite struct ScaleTests {
  private func labels(_ range: ClosedRange<Double>, _ count: Int = 5) -> [String] {
    Scale(range, pixels: 0, 100).ticks(count).map(\.label)
  }

  @Test("ticks are round numbers within the range, with the decimals of their step")
  func ticks() {
    #expect(labels(0...1) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(labels(-3.2...7.9) == ["-2", "0", "2", "4", "6"])
    #expect(labels(0.01...0.034) == ["0.010", "0.015", "0.020", "0.025", "0.030"])
    #expect(labels(-2.2...2.2, 3) == ["-2", "0", "2"])
    #expect(labels(0...4e7, 4) == ["0", "1e7", "2e7", "3e7", "4e7"])
    #expect(labels(1e-6...5e-6, 4).first == "1e-6")
  }

  @Test("large numbers that differ in their last digits have labels that differ")
  func julianDates() {
    let ticks = labels(2_460_000.1...2_460_000.9, 4)
    #expect(Set(ticks).count == ticks.count && ticks.count > 2)
  }

  @Test("a range without extent, or not finite, can be drawn")
  func degenerate() {
    for range in [
      0.0...0, 5...5, -1e-200...1e-200, -Double.infinity...Double.infinity, 1e308...1e308,
    ] {
      let scale = Scale(range, pixels: 0, 100)
      #expect(scale.domain.upperBound > scale.domain.lowerBound)
      #expect(scale(scale.domain.lowerBound) == 0 && scale(scale.domain.upperBound) == 100)
      #expect(scale.ticks(5).count < 100)
    }
  }

  @Test("decimals are rounded, padded and trimmed")
  func decimals() {
    #expect(Decimal.text(-0.004, places: 2) == "0.00")
    #expect(Decimal.text(-1.005, places: 1) == "-1.0")
    #expect(Decimal.text(12.5, places: 2, trimmed: true) == "12.5")
    #expect(Decimal.text(3, places: 2, trimmed: true) == "3")
    #expect(Decimal.text(0.000_012_34, significant: 3) == "1.23e-5")
    #expect(Decimal.text(1234.567, significant: 3) == "1235")
    #expect(Decimal.text(.nan, places: 1) == "nan")
  }
}
