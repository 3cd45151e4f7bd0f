import FlowRuntime

/// The bounds of features; an infinite one is none.
///
///     let bounds = try Bounds(lower: [0, -.infinity, 1], upper: [.infinity, .infinity, 2])
public struct Bounds: Sendable, Hashable {
  /// The lower bound of each feature.
  public let lower: [Double]
  /// The upper bound of each feature.
  public let upper: [Double]

  /// Makes bounds.
  ///
  /// - Throws: `FlowError` if there are not as many upper bounds as lower ones, or if a lower bound is not
  ///   below the upper one as numbers of float32.
  public init(lower: [Double], upper: [Double]) throws(FlowError) {
    guard lower.count == upper.count else {
      throw .invalid(
        place: "upper", found: "\(upper.count) bounds", expected: "\(lower.count), as in lower")
    }
    for (index, (low, high)) in zip(lower, upper).enumerated() {
      guard Float(low) < Float(high), low < .infinity, high > -.infinity else {
        throw .invalid(
          place: "lower[\(index)]", found: "\(low)", expected: "less than the upper bound, \(high)")
      }
    }
    (self.lower, self.upper) = (lower, upper)
  }

  /// Where the first number outside of its bounds is; nil if all are inside.
  public func firstOutside<Scalar: FlowScalar>(_ values: [Scalar]) -> Int? {
    values.indices.first {
      let column = $0 % lower.count
      return !(lower[column]...upper[column]).contains(Double(values[$0]))
    }
  }

  /// Rows with their bounds taken off, by the map of `BoundsTransform` in float32's resolution.
  public func unbounded<Scalar: FlowScalar>(_ values: [Scalar]) -> [Double] {
    values.enumerated().map { index, value in
      let (low, high) = (lower[index % lower.count], upper[index % lower.count])
      func distance(_ difference: Double, _ bound: Double) -> Double {
        logOf(max(difference, abs(bound) * 0x1p-24, 0x1p-126))
      }
      let x = Double(value)
      return switch (low.isFinite, high.isFinite) {
      case (true, true): distance(x - low, low) - distance(high - x, high)
      case (true, false): distance(x - low, low)
      case (false, true): -distance(high - x, high)
      case (false, false): x
      }
    }
  }
}

extension Model {
  /// The bounds of the features, of a flow that begins with a transform from between bounds; nil for another.
  public internal(set) var bounds: Bounds? {
    get {
      guard let description, description.hasBounds else { return nil }
      let path = description.path(ofTransform: 0)
      func numbers(_ names: [String]) -> [Double] {
        names.lazy.compactMap { values["\(path).\($0)"] }.first?.doubles ?? []
      }
      return try? Bounds(lower: numbers(["lower", "_0"]), upper: numbers(["upper", "_1"]))
    }
    set {
      guard let description, description.hasBounds, let newValue else { return }
      set(
        [newValue.lower, newValue.upper], at: description.path(ofTransform: 0),
        [["lower", "_0"], ["upper", "_1"]])
    }
  }

  /// Puts the features between bounds: the flow begins with a transform to the whole line, so that samples
  /// are inside, and the density outside is 0. Call it before `standardize`, which then takes the
  /// units of what the transform gives.
  ///
  ///     try flow.bound(Bounds(lower: [0, -.infinity], upper: [1, .infinity]))
  ///     try flow.standardize(x)
  ///
  /// - Throws: `FlowError` for another number of bounds than of features, a flow of angles, or a model that a
  ///   closure built.
  public mutating func bound(_ bounds: Bounds) throws(FlowError) {
    guard bounds.lower.count == features else {
      throw .invalid(
        place: "bounds", found: "\(bounds.lower.count) bounds", expected: "\(features) features")
    }
    guard let description else {
      throw .invalid(
        place: "bounds", found: "a model that a closure built",
        expected: "a described one; put a BoundsTransform first in the closure")
    }
    if !description.hasBounds {
      let wanted = try description.bounded()
      let path = wanted.path(ofTransform: 0)
      self = try rebuilt(
        wanted, adding: Set(["lower", "_0", "upper", "_1"].map { "\(path).\($0)" }))
    }
    self.bounds = bounds
  }
}
