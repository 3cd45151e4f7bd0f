import ArgumentParser
import FlowFiles
import Flows

/// The box that a flow is restricted to.
struct BoxFlags: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Restrict the flow to a box: lower and upper bounds of all features, such as 0,-inf..1,inf, or those "
        + "of some, by name or number from 1, such as mass=0..1,3=..2. Of discrete columns, the whole cells of the "
        + "numbers inside.",
      valueName: "lower..upper"))
  var within: String?

  @Option(
    parsing: .unconditional,
    help: "With --within: how many samples its probability is estimated from, for each context.",
    transform: Parse.integer(from: 1, to: 1_000_000_000))
  var massDraws = 100_000

  @Option(
    parsing: .unconditional,
    help: "With --within: the seed of the samples that its probability is estimated from.",
    transform: Parse.seed)
  var massSeed: UInt64 = 0

  /// The box in the data's units; nil if there is none.
  func box(of model: AnyModel) throws -> Bounds? {
    guard let within else { return nil }
    func numbers(_ text: Substring, or missing: Double?) throws -> [Double] {
      try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
        let part = part.replacing(" ", with: "")
        if part.isEmpty, let missing { return missing }
        guard let number = Double(part), !number.isNaN else {
          throw ValidationError("--within: expected a number, found '\(part)' in '\(within)'")
        }
        return number
      }
    }
    func halves(_ text: Substring) throws -> (Substring, Substring) {
      guard let dots = text.firstRange(of: "..") else {
        throw ValidationError(
          "--within: expected LOWER..UPPER, such as 0,-inf..1,inf, or COLUMN=LOWER..UPPER, such as "
            + "mass=0..1,3=..2, found '\(text)'")
      }
      return (text[..<dots.lowerBound], text[dots.upperBound...])
    }
    var (lower, upper): ([Double], [Double])
    var given: Set<Int> = []
    if within.contains("=") {
      lower = Array(repeating: -.infinity, count: model.features)
      upper = Array(repeating: .infinity, count: model.features)
      for part in within.split(separator: ",") {
        guard let (name, range) = ColumnFlag.assignment(part) else {
          throw ValidationError("--within: expected COLUMN=LOWER..UPPER, found '\(part)'")
        }
        let column = try ColumnFlag(option: "--within").feature(
          name, names: model.columns.x, features: model.features, given: &given)
        let (low, high) = try halves(range)
        lower[column] = try numbers(low, or: -.infinity)[0]
        upper[column] = try numbers(high, or: .infinity)[0]
      }
    } else {
      let (low, high) = try halves(Substring(within))
      (lower, upper) = (try numbers(low, or: nil), try numbers(high, or: nil))
      for (name, given) in [("lower", lower), ("upper", upper)] where given.count != model.features
      {
        throw ValidationError(
          "--within has \(given.count) \(name) bounds, expected \(model.features), one for each feature; "
            + "write -inf or inf for none")
      }
    }
    do {
      return try Bounds(lower: lower, upper: upper).wholeCells(of: model.discrete)
    } catch {
      throw ValidationError("--within: \(error)")
    }
  }

  /// The bounds of samples in a box, of which discrete columns are rounded to numbers inside.
  static func bounds(of model: AnyModel, in box: Bounds?) throws -> Bounds? {
    guard let box, !model.discrete.isEmpty else { return model.outerBounds }
    var lower = model.outerBounds?.lower ?? box.lower.map { _ in -.infinity }
    var upper = model.outerBounds?.upper ?? box.upper.map { _ in .infinity }
    for column in model.discrete.map(\.feature) {
      lower[column] = max(lower[column], box.lower[column])
      upper[column] = min(upper[column], box.upper[column])
    }
    return try Bounds(lower: lower, upper: upper)
  }

  /// The flow in the box; a centre is what was subtracted from its features.
  func restricted<Number: RowNumber>(
    _ model: AnyModel, to box: Bounds, centre: [Double]?, maxDraws: Int = 1, as type: Number.Type
  ) throws -> RestrictedFlow<Number> {
    let centre = centre ?? Array(repeating: 0, count: model.features)
    let moved = try Bounds(
      lower: zip(box.lower, centre).map { $0 - $1 }, upper: zip(box.upper, centre).map { $0 - $1 })
    return try model.compiled(as: type).restricted(
      to: moved, maxDraws: maxDraws, massDraws: massDraws, massSeed: massSeed)
  }

  /// What a summary says of the probability of the box, if there is one for all rows.
  ///
  /// - Throws: `FileError` if no sample was inside.
  func members(of mass: BoxMass, path: String) throws -> [(String, JSONValue)] {
    guard mass.inside != 0 else {
      throw FileError.mismatch(
        path: path, found: "none of \(mass.draws) samples inside --within",
        expected:
          "some; its probability is probably below \(3 / Double(mass.draws)), so give a larger box, or "
          + "raise --mass-draws")
    }
    return [
      ("log_mass", .number(mass.log)), ("log_mass_error", .number(mass.standardError)),
      ("mass_draws", .integer(mass.draws)),
    ]
  }

  /// The same in words.
  func text(of mass: BoxMass?) -> String {
    guard let mass else { return "" }
    return
      "; log P(box) is \(Format.nats(mass.log)) with a standard error of \(Format.nats(mass.standardError))"
  }
}
