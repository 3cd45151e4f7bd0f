/// Densities that are estimated from points: a histogram with fine bins, smoothed by a Gaussian kernel
/// (Silverman, "Density estimation for statistics and data analysis", 1986). Near the ends of the range the
/// kernel is scaled to what of it lies inside, so that an edge does not look like a slope.
enum SmoothDensity {
  /// The density of numbers at evenly spaced points of a range.
  static func curve(_ values: [Double], in range: ClosedRange<Double>, count: Int = 128) -> [Point]
  {
    let width = (range.upperBound - range.lowerBound) / Double(count)
    var bins = [Double](repeating: 0, count: count)
    for value in values {
      if let bin = bin(value, range, count) { bins[bin] += 1 }
    }
    let kernel = gaussian(bandwidth(values, power: 0.2) / width)
    let smooth = smoothed(bins, stride: 1, lines: [0], count: count, kernel)
    let total = max(Double(values.count), 1) * width
    return smooth.enumerated().map { index, weight in
      Point(range.lowerBound + (Double(index) + 0.5) * width, weight / total)
    }
  }

  /// The density of points in the plane, on a square grid.
  static func grid(
    _ xs: [Double], _ ys: [Double], in ranges: (ClosedRange<Double>, ClosedRange<Double>),
    count: Int = 72
  ) -> Grid {
    var bins = [Double](repeating: 0, count: count * count)
    for (x, y) in zip(xs, ys) {
      if let i = bin(x, ranges.0, count), let j = bin(y, ranges.1, count) {
        bins[j * count + i] += 1
      }
    }
    let widths = [ranges.0, ranges.1].map { ($0.upperBound - $0.lowerBound) / Double(count) }
    let kernels = zip([xs, ys], widths).map { gaussian(bandwidth($0, power: 1.0 / 6) / $1) }
    let rows = (0..<count).map { $0 * count }
    bins = smoothed(bins, stride: 1, lines: rows, count: count, kernels[0])
    bins = smoothed(bins, stride: count, lines: Array(0..<count), count: count, kernels[1])
    func centres(_ range: ClosedRange<Double>, _ width: Double) -> [Double] {
      (0..<count).map { range.lowerBound + (Double($0) + 0.5) * width }
    }
    return Grid(
      xs: centres(ranges.0, widths[0]), ys: centres(ranges.1, widths[1]), values: bins)
  }

  /// The least density of the smallest region that holds each share of the whole.
  static func levels(_ densities: [Double], shares: [Double]) -> [Double] {
    let sorted = densities.filter { $0 > 0 && $0.isFinite }.sorted(by: >)
    let total = sorted.reduce(0, +)
    return shares.map { share in
      var sum = 0.0
      for density in sorted {
        sum += density
        if sum >= share * total { return density }
      }
      return sorted.last ?? 0
    }
  }

  private static func bin(_ value: Double, _ range: ClosedRange<Double>, _ count: Int) -> Int? {
    guard range.contains(value) else { return nil }
    let part = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    return min(Int(part * Double(count)), count - 1)
  }

  /// Silverman's rule with the smaller of the standard deviation and the scaled interquartile range, times
  /// 0.7: modes of a flow should not run into each other.
  private static func bandwidth(_ values: [Double], power: Double) -> Double {
    let sorted = values.filter(\.isFinite).sorted()
    guard sorted.count > 1 else { return 0 }
    let spread = (Summary.quantile(sorted, 0.75) - Summary.quantile(sorted, 0.25)) / 1.349
    let count = Double(sorted.count)
    let mean = sorted.reduce(0, +) / count
    let deviation = (sorted.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    guard deviation.isFinite else { return 0 }
    let width = spread > 0 ? min(spread, deviation) : deviation
    return 0.63 * width * Summary.power(count, -power)
  }

  /// Weights of a kernel with a standard deviation in bins.
  private static func gaussian(_ deviation: Double) -> [Double] {
    let sigma = min(max(deviation, 0.6), 40)
    let reach = Int((3.5 * sigma).rounded(.up))
    return (-reach...reach).map { Summary.exponential(-0.5 * Double($0 * $0) / (sigma * sigma)) }
  }

  private static func smoothed(
    _ values: [Double], stride: Int, lines: [Int], count: Int, _ kernel: [Double]
  ) -> [Double] {
    var result = values
    let reach = kernel.count / 2
    for line in lines {
      for center in 0..<count {
        var (sum, weight) = (0.0, 0.0)
        for index in max(0, center - reach)...min(count - 1, center + reach) {
          let part = kernel[index - center + reach]
          sum += part * values[line + index * stride]
          weight += part
        }
        result[line + center * stride] = sum / weight
      }
    }
    return result
  }
}
