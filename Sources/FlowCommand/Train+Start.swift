import ArgumentParser
import FlowFiles
import Flows
import Foundation

/// The model that a run starts with.
extension Train {
  /// Refuses options that contradict each other about it.
  func checkStart() throws {
    switch [flow, config, from].compactMap({ $0 }).count {
    case 0: throw ValidationError("give --flow, --config or --from")
    case 1: break
    default: throw ValidationError("give one of --flow, --config and --from")
    }
    if config != nil, !arguments.isEmpty {
      throw ValidationError("--set goes with --flow; write the arguments into the file of --config")
    }
    guard from != nil else { return }
    let chosen: [(option: String, isGiven: Bool)] = [
      ("--features", features != nil), ("--context", context != nil), ("--set", !arguments.isEmpty),
      ("--standardize", units.standardize == true),
      ("--no-standardize", units.standardize == false),
      ("--robust", units.robust), ("--lower", limits.lower != nil),
      ("--upper", limits.upper != nil), ("--circular", circles.circular != nil),
      ("--discrete", grids.discrete != nil), ("--base", tails.base != nil),
      ("--tails", tails.tails != nil),
    ]
    if let first = chosen.first(where: \.isGiven) {
      throw ValidationError(
        "\(first.option) is for a new flow; that of --from has its own architecture, units and columns"
      )
    }
  }

  /// The flow that the options describe.
  private func description(
    _ x: TrainingData, _ conditions: TrainingData?
  ) throws -> FlowDescription {
    if let config {
      guard let bytes = FileManager.default.contents(atPath: config) else {
        throw FileError.system(path: config, action: "read", reason: "no such file")
      }
      do {
        return try FlowDescription(JSONValue.parse(bytes))
      } catch let error as JSONError {
        throw FileError.malformed(path: config, offset: error.offset, reason: error.reason)
      } catch let error as FlowError {
        throw ModelFileError(path: config, error: error)
      }
    }
    let context = context ?? conditions?.columns ?? 0
    var members: [JSONValue.Member] = [
      .init("type", .string(try FlowArguments.type(flow ?? ""))),
      .init("features", .integer(features ?? x.columns)),
    ]
    if context > 0 { members.append(.init("context", .integer(context))) }
    for text in arguments {
      let member = try FlowArguments.member(text)
      guard !members.contains(where: { $0.key == member.key }) else {
        throw ValidationError("--set \(member.key): it is given twice, or has an option of its own")
      }
      members.append(member)
    }
    return try FlowDescription(.object(members))
  }

  /// A new model in the units of the rows, and what was found in them.
  func newModel(_ rows: TrainingTables) throws -> (model: Model, scan: TrainingScan) {
    let (x, conditions) = (rows.x, rows.context)
    var flow = try description(x, conditions)
    let bounds = try limits.bounds(names: x.names, features: flow.features)
    let periods = try circles.periods(names: x.names, features: flow.features)
    flow = try tails.description(circles.description(flow, periods, bounds: bounds))
    if bounds != nil { flow = try flow.bounded() }
    var model = try Model(tails.tailed(units.description(flow)), seed: seed)
    try x.check(model, context: conditions, option: "--context-data")
    let discrete = try grids.columns(x, features: model.features)
    if let bounds { try model.bound(DiscreteFlags.bounds(bounds, discrete)) }
    model.columns = ColumnNames(x: x.names, context: conditions?.names ?? [])
    let scan = try TrainingScan(
      rows, model, bounds: bounds, discrete: discrete, by: units.method)
    units.find(&model, in: scan)
    try circles.set(&model, periods, in: scan)
    try model.setDiscrete(discrete)
    return (model, scan)
  }

  /// A trained model as it is, and what was found in the rows.
  func start(
    from given: Model, _ rows: TrainingTables
  ) throws -> (model: Model, scan: TrainingScan) {
    var model = given
    try rows.x.check(model, context: rows.context, option: "--context-data")
    if model.columns.x.isEmpty { model.columns.x = rows.x.names }
    if model.columns.context.isEmpty { model.columns.context = rows.context?.names ?? [] }
    let scan = try TrainingScan(
      rows, model, bounds: model.bounds, discrete: model.discrete, by: units.method)
    return (model, scan)
  }
}
