import ArgumentParser
import FlowFiles
import Flows

/// The features that are on a circle.
struct CircularFlags: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Features of NSF that repeat with a period, by name or number from 1, such as hour:24,3:360.",
      valueName: "column:period"))
  var circular: String?

  /// The features, counted from 0, and their periods; empty if none were given.
  func periods(names: [String], features: Int) throws -> [(feature: Int, period: Double)] {
    try ColumnFlag(option: "--circular").numbers(
      of: circular, what: "period", example: "hour:24", names: names, features: features
    ).map { (feature: $0.feature, period: $0.number) }
  }

  /// The description with these features on a circle.
  func description(
    _ given: FlowDescription, _ periods: [(feature: Int, period: Double)], bounds: Bounds?
  ) throws -> FlowDescription {
    guard !periods.isEmpty else { return given }
    guard case .nsf = given.architecture, case .object(var members) = given.json else {
      throw ValidationError("--circular is for the splines of NSF; give --flow NSF")
    }
    for (feature, _) in periods {
      guard let bounds, bounds.lower[feature].isFinite || bounds.upper[feature].isFinite else {
        continue
      }
      throw ValidationError(
        "--circular: column \(feature + 1) has a bound too; a circle has none")
    }
    members.removeAll { $0.key == "circular" }
    members.append(.init("circular", .array(periods.map { .integer($0.feature) })))
    return try FlowDescription(.object(members))
  }

  /// Gives the features of a model their periods, around 0 if the data have negative numbers there, else
  /// from 0 on.
  func set(
    _ model: inout Model, _ periods: [(feature: Int, period: Double)], in scan: TrainingScan
  ) throws {
    guard !periods.isEmpty else { return }
    var given: [Int: (period: Double, centre: Double)] = [:]
    for (feature, period) in periods {
      given[feature] = (period, scan.isNegative(feature) ? 0 : period / 2)
    }
    try model.setPeriods(given)
  }
}
