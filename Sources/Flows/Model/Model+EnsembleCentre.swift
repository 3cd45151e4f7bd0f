/// One centre for the rows of an ensemble.
extension Model {
  /// The centre that stands before all members if data of some are far from zero, where float32 loses 6 bits or more
  /// of a difference: rows are then centred in float64 before they are rounded, as with a single flow. Nil if none is
  /// needed, or if the features of a member are angles.
  ///
  /// A feature's centre is that of the member with the smallest scale, which needs the most digits. Bounds near zero
  /// stay where they are, and so do those that would become the same number of float32.
  static func commonCentre(of members: [Model]) -> [Double]? {
    guard let features = members.first?.features,
      members.allSatisfy({ $0.description?.canHaveUnits == true && $0.features == features })
    else { return nil }
    let known = members.map { (bounds: $0.bounds, units: $0.rowUnits) }
    var isFar = false
    let centre = (0..<features).map { feature -> Double in
      let places = known.compactMap { member -> (centre: Double, scale: Double)? in
        guard let units = member.units else { return nil }
        let (centre, scale) = (units.centre[feature], units.scale[feature])
        // Of features near their bounds, or without units, nothing is known.
        return member.bounds != nil && centre == 0 ? nil : (centre, scale)
      }
      let limits = known.compactMap(\.bounds).map { ($0.lower[feature], $0.upper[feature]) }
      let far = places.filter { abs($0.centre) > 64 * $0.scale }
      isFar = isFar || !far.isEmpty
      let hasLimit = limits.contains { $0.0.isFinite || $0.1.isFinite }
      let first = hasLimit ? nil : places.first
      let centre = (far.min { $0.scale < $1.scale } ?? first)?.centre ?? 0
      return limits.allSatisfy { Float($0.0 - centre) < Float($0.1 - centre) } ? centre : 0
    }
    return isFar ? centre : nil
  }

  /// The model of an ensemble's member after a centre was subtracted from its rows. One without units gets some, to
  /// add it again.
  func member(of centre: [Double]) throws(FlowError) -> Model {
    var moved = self
    let needsUnits =
      if let bounds {
        unboundedUnits == nil
          && centre.indices.contains {
            centre[$0] != 0 && bounds.lower[$0].isInfinite && bounds.upper[$0].isInfinite
          }
      } else {
        units == nil
      }
    if needsUnits { try moved.addUnits(context: false) }
    moved.move(by: centre)
    return moved
  }

  /// The smallest scales of an ensemble's members around their common centre; nil for another model.
  var memberScale: [Double]? {
    guard let units, units.scale.allSatisfy({ $0 == 1 }), let members else { return nil }
    return members.compactMap(\.model.rowUnits).reduce(units.scale) { zip($0, $1.scale).map(min) }
  }

  /// The bounds of the features; of an ensemble whose members all have some, the widest.
  public var outerBounds: Bounds? {
    if let bounds { return bounds }
    guard case .ensemble? = description?.architecture, let members else { return nil }
    let all = members.compactMap(\.model.outerBounds)
    guard all.count == members.count, let first = all.first else { return nil }
    return all.dropFirst().reduce(first) { found, next in
      // Wider bounds are as far apart as those that they are of.
      (try? Bounds(
        lower: zip(found.lower, next.lower).map(min), upper: zip(found.upper, next.upper).map(max)))
        ?? found
    }
  }
}
