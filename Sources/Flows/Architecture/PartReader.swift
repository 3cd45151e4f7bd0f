import FlowFiles

/// Builds the parts of a custom flow, which a description describes by JSON of their own.
struct PartReader {
  /// The number of features of the flow.
  let features: Int
  /// The number of features that the parts are conditioned on; 0 for none.
  let condition: Int
  /// Whether the condition is an embedded context.
  let hasEmbedding: Bool
  /// The release whose classes, names and constants hold.
  let release: ZukoRelease

  static let network = ["hidden_features", "activation"]

  /// The minimum slope of a univariate transform; the release's for affine transforms and splines.
  func slope(
    _ reader: DescriptionReader, default fallback: Double? = nil
  ) throws(FlowError) -> Double {
    guard reader["slope"] != nil else { return fallback ?? release.slope }
    let slope = try reader.number("slope", default: 0)
    guard 0 < slope, slope < 1 else {
      throw .invalid(
        place: reader.path("slope"), found: "\(slope)", expected: "a number between 0 and 1")
    }
    return slope
  }

  /// Reads one object of the description, whose class and arguments the release has.
  func reader(_ json: JSONValue, place: String) throws(FlowError) -> DescriptionReader {
    let reader = try DescriptionReader(json, place: place)
    try reader.check(release)
    return reader
  }
}
