import ArgumentParser
import FlowFiles
import Flows

/// The bounds of features.
struct BoundFlags: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The lower bound of each feature, such as 0,-inf,1, or those of some, by name or number from 1, such as "
        + "mass=0,3=1; samples are never below."),
    transform: Self.side)
  var lower: Side?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The upper bound of each feature, such as inf,inf,2, or those of some, such as share=1; samples are never "
        + "above."),
    transform: Self.side)
  var upper: Side?

  /// The bounds of one side, as they are given.
  enum Side {
    case every([Double])
    case named([(column: String, bound: Double)])
  }

  private static func side(_ text: String) throws -> Side {
    func number(_ part: Substring) throws -> Double {
      guard let number = Double(part.replacing(" ", with: "")), !number.isNaN else {
        throw ValidationError("expected numbers such as 0,-inf,1 or mass=0,3=1, found '\(text)'")
      }
      return number
    }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard text.contains("=") else { return .every(try parts.map { try number($0) }) }
    return .named(
      try parts.map { part in
        guard let (column, bound) = ColumnFlag.assignment(part) else {
          throw ValidationError("expected COLUMN=NUMBER for each of '\(text)', found '\(part)'")
        }
        return (column, try number(bound))
      })
  }

  /// The bounds of a number of features, whose columns may have names; nil if none were given.
  func bounds(names: [String], features: Int) throws -> Bounds? {
    guard lower != nil || upper != nil else { return nil }
    func numbers(_ side: Side?, _ option: String, or missing: Double) throws -> [Double] {
      var numbers = Array(repeating: missing, count: features)
      switch side {
      case nil: break
      case .every(let given):
        guard given.count == features else {
          throw ValidationError(
            "\(option) has \(given.count) bounds, expected \(features), one for each feature; write -inf or inf "
              + "for none, or name columns, as in \(option) mass=0")
        }
        numbers = given
      case .named(let given):
        var places: Set<Int> = []
        for (column, bound) in given {
          let place = try ColumnFlag(option: option).feature(
            column, names: names, features: features, given: &places)
          numbers[place] = bound
        }
      }
      return numbers
    }
    let low = try numbers(lower, "--lower", or: -.infinity)
    let high = try numbers(upper, "--upper", or: .infinity)
    do {
      return try Bounds(lower: low, upper: high)
    } catch {
      throw ValidationError("--lower and --upper: \(error)")
    }
  }

  /// Checks that every number in rows of a table is inside.
  static func check(
    _ chunk: TableChunk, _ bounds: Bounds, of x: TrainingData
  ) throws(FileError) {
    for column in 0..<x.columns {
      let (low, high) = (bounds.lower[column], bounds.upper[column])
      let numbers = chunk.column(column)
      guard let row = numbers.firstIndex(where: { $0 < low || $0 > high }) else { continue }
      let text =
        numbers[row] < low ? "below its lower bound \(low)" : "above its upper bound \(high)"
      throw .badRow(
        path: x.path, row: chunk.first + row + (x.names.isEmpty ? 1 : 2),
        reason: "column \(column + 1) is \(numbers[row]), \(text)")
    }
  }
}
