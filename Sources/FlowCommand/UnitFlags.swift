import ArgumentParser
import FlowFiles
import Flows

/// Whether and how training standardizes its columns.
struct UnitFlags: ParsableArguments {
  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "Begin with (x - mean) / deviation of each column; done unless --no-standardize is given."))
  var standardize: Bool?

  @Flag(help: "Take medians and quartiles instead, which a few far rows do not change.")
  var robust = false

  /// Refuses options that contradict each other.
  func check() throws {
    if robust, standardize == false {
      throw ValidationError("--robust goes with --standardize, not with --no-standardize")
    }
  }

  /// The description of the flow that is trained.
  func description(_ given: FlowDescription) throws(FlowError) -> FlowDescription {
    switch standardize {
    case false: return given
    case true: return try given.standardized()
    case nil:
      // What a description of parts says about units is its author's.
      if case .custom = given.architecture {
        return given
      }
      return try given.standardized(features: given.before.count == (given.hasBounds ? 1 : 0))
    }
  }

  /// How units are found.
  var method: Standardization { robust ? .robust : .deviation }

  /// Sets the units of a model that has some to those of the data.
  func find(_ model: inout Model, in scan: TrainingScan) {
    if standardize != false { scan.setUnits(&model) }
  }
}
