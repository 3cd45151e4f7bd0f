/// The periods of features that are angles.
extension Model {
  /// The features, counted from 0, that are on a circle beside others that are not.
  public var circular: [Int] {
    guard case .nsf(_, let spline) = description?.architecture else { return [] }
    return spline.circular
  }

  /// Gives features of a circle their periods: the flow begins with `(x - centre) 2π / period`, and samples
  /// are within half a period of the centre. Densities repeat with the period; they integrate to 1 over one.
  ///
  ///     var flow = try NSF(features: 3, circular: [1])
  ///     try flow.standardize(x)
  ///     try flow.setPeriods([1: (period: 24, centre: 12)])       // hours of a day, 0 to 24
  ///
  /// `standardize` leaves them as they are. Without periods, features of a circle are angles in [-π, π).
  ///
  /// - Throws: `FlowError` for a feature that is not on a circle, or a period that is not positive.
  public mutating func setPeriods(
    _ periods: [Int: (period: Double, centre: Double)]
  ) throws(FlowError) {
    for (feature, given) in periods {
      guard circular.contains(feature) else {
        throw .invalid(
          place: "feature \(feature)", found: "a period",
          expected: "one of the features \(circular)")
      }
      guard given.period > 0, given.period.isFinite, given.centre.isFinite else {
        throw .invalid(
          place: "the period of feature \(feature)", found: "\(given.period)",
          expected: "a positive number")
      }
    }
    try addUnits(context: false)
    changeUnits { units in
      for (feature, given) in periods {
        units.centre[feature] = given.centre
        units.scale[feature] = given.period / (2 * .pi)
      }
    }
  }

  /// Units of the data, with those of angles as they were.
  func keepingAngles(_ found: ColumnUnits) -> ColumnUnits {
    var found = found
    let known = units ?? unboundedUnits
    for feature in circular {
      found.centre[feature] = known?.centre[feature] ?? 0
      found.scale[feature] = known?.scale[feature] ?? 1
    }
    return found
  }

  private mutating func changeUnits(_ change: (inout ColumnUnits) -> Void) {
    if var units {
      change(&units)
      self.units = units
    } else if var units = unboundedUnits {
      change(&units)
      unboundedUnits = units
    }
  }
}
