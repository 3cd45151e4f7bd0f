import FlowIR
import Flows
import Foundation

/// A transform of single numbers that is examined on a grid of inputs, ordinary and extreme.
struct GridCase: Sendable {
  let name: String
  /// Sets of parameters; each is tried with the whole grid.
  var parameters: [[Double]] = [[]]
  /// Bounds and other places with something special: they and their neighbours join the grid.
  var places: [Double] = []
  /// Where the transform is defined, and what it reaches.
  var domain: ClosedRange<Double> = -.infinity ... .infinity
  var range: ClosedRange<Double> = -.infinity ... .infinity
  var isDecreasing = false
  /// The size of the numbers that inputs and outputs are added to, which round too.
  var scale: @Sendable ([Double]) -> Double = { _ in 0 }
  /// The size of the slopes that a derivative is the difference of.
  var steepness: @Sendable ([Double]) -> Double = { _ in 0 }
  /// The length of the circle, for a map of a circle to itself.
  var period: Double?
  /// Where the identity begins, exactly.
  var tails: Double?
  /// Whether the inverse of what lies outside the range is that of the range's end, rather than a place
  /// of no density.
  var saturates = false
  /// A jump that the transform is known to have.
  var jump = 0.0
  /// How many roundings in a row are allowed for.
  var roundings = 16.0
  /// How much more is allowed for with extreme parameters, which make a map's slope change by so much
  /// within a bin that rounding does not show in the slope itself.
  var wildness = 1.0
  /// Inputs for which derivatives may overflow.
  var isSingular: @Sendable (Double) -> Bool = { _ in false }
  /// The transform of a tensor of shape [1]; the parameters have rows.
  let make: @Sendable (Tensor) -> any Transform

  /// The inverse, as a case of its own.
  var inverse: GridCase {
    let make = self.make
    return GridCase(
      name: "inverse of \(name)", parameters: parameters, places: places, domain: range,
      range: domain, isDecreasing: isDecreasing, scale: scale, steepness: steepness, period: period,
      tails: tails, saturates: saturates, jump: jump, roundings: roundings, wildness: wildness,
      isSingular: isSingular,
      make: { InverseTransform(make($0)) })
  }

  /// The inputs: ordinary numbers, zeros, the smallest and the largest, infinities, NaN, bounds and
  /// the numbers next to them. All are numbers of the type.
  func grid(_ dtype: DType) -> [Double] {
    var positive = [0.0, 1e-40, 1e-30, 1e-10, 1e-3, 0.1, 0.37, 1, 1e3, 1e4, 1e10, 1e30, .infinity]
    positive += (1...24).map { 0.413 * Double($0) } + (1...11).map { 9.25 * Double($0) }
    positive += [Double(Float.leastNonzeroMagnitude), Double(Float.greatestFiniteMagnitude)]
    if dtype == .f64 { positive += [5e-324, 1e-310, 1e100, .greatestFiniteMagnitude] }
    for place in places.map(abs) {
      if dtype == .f32 {
        let near = Float(place)
        positive += [near, near.nextUp, near.nextDown].map(Double.init)
      } else {
        positive += [place, place.nextUp, place.nextDown]
      }
    }
    let rounded = positive.map { dtype == .f32 ? Double(Float($0)) : $0 }
    return (rounded + rounded.map { -$0 }).sorted() + [.nan]
  }
}
