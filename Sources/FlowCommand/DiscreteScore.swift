import ArgumentParser
import FlowFiles
import FlowRuntime
import Flows
import Synchronization

/// How the masses of discrete columns are found.
struct CellFlags: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "For discrete columns: the points in a cell where its mass is not known exactly.",
    transform: Parse.integer(from: 16, to: 1 << 16))
  var cellPoints = 256
  @Option(help: "For discrete columns: where to write the standard error of each log mass.")
  var massError: String?
}

/// The logarithms of the masses of rows with discrete columns, as a function of the inputs of the flow's own.
final class DiscreteScorer<Number: RowNumber>: RowFunction {
  private let mass: DiscreteMass<Number>
  private let columns: [DiscreteColumn]
  /// The sum of the standard errors, their number and the largest.
  private let errors = Mutex((sum: 0.0, count: 0, largest: 0.0))

  /// Masses of the rows of a model.
  init(_ model: AnyModel, points: Int) throws {
    columns = model.discrete
    mass =
      switch model {
      case .model(let model): try DiscreteMass(model, points: points)
      case .compiled(let flow):
        DiscreteMass(try CompiledFlow(flow), model.discrete, points: points)
      }
  }

  func callAsFunction(
    _ inputs: [String: HostArray], rows: Int, firstRow: Int, threads: Int?
  ) throws -> [String: HostArray] {
    guard let x = inputs["x"] else { throw RuntimeError.missingArgument("x") }
    let context = inputs["context"].map { Rows(Number.values(of: $0), columns: $0.shape[1]) }
    let (logMass, error) = try mass(
      Rows(Number.values(of: x), columns: x.shape[1]), context: context, threads: threads)
    errors.withLock { errors in
      for error in error where error.isFinite {
        errors = (errors.sum + error, errors.count + 1, max(errors.largest, error))
      }
    }
    return [
      "log_prob": Number.array(logMass.map { Number($0) }, shape: [rows]),
      "standard_error": Number.array(error.map { Number($0) }, shape: [rows]),
    ]
  }

  /// How the masses were found, for the JSON summary.
  var members: [(String, JSONValue)] {
    let found: [(String, JSONValue)] = [
      ("discrete", .array(columns.map { .integer($0.feature + 1) })),
      ("mass", .string(mass.isExact ? "exact" : "estimate")),
    ]
    guard !mass.isExact else { return found }
    return errors.withLock {
      found + [
        ("cell_points", .integer(mass.points)),
        ("mean_standard_error", .number($0.sum / Double(max($0.count, 1)))),
        ("largest_standard_error", .number($0.largest)),
      ]
    }
  }

  /// What is said of estimates in any case; nil of exact masses.
  var note: String? {
    mass.isExact
      ? nil
      : "scored" + text + "; --mass-error FILE writes them, --cell-points changes their number"
  }

  /// The same in words.
  var text: String {
    let names = columns.map { "\($0.feature + 1)" }.joined(separator: ", ")
    let start =
      ", as log masses of the cells of column\(columns.count == 1 ? "" : "s") \(names), "
    guard !mass.isExact else { return start + "which are exact" }
    return errors.withLock {
      start + "estimated from \(mass.points) points each, standard error "
        + "\(Format.significant($0.sum / Double(max($0.count, 1)))) nats in the mean, "
        + "\(Format.significant($0.largest)) at most"
    }
  }
}

extension RowResult {
  /// Rounds discrete columns of rows to their grids, within the flow's bounds.
  static func rounded(
    _ values: inout [Double], columns: Int, _ discrete: [DiscreteColumn], _ bounds: Bounds?
  ) {
    for column in discrete {
      for index in stride(from: column.feature, to: values.count, by: columns) {
        var value = column.nearest(values[index])
        if let bounds {
          if value < bounds.lower[column.feature] { value += column.step }
          if value > bounds.upper[column.feature] { value -= column.step }
        }
        values[index] = value
      }
    }
  }
}
