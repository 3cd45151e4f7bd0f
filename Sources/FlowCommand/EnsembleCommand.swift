import ArgumentParser
import FlowFiles
import Flows

/// `flowir ensemble`.
struct EnsembleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ensemble",
    abstract: "Join models to a weighted mixture in one model file.",
    discussion: """
      The density is the weighted mean of the models' densities; a sample is a sample of one of them, \
      chosen by the weights for each row. Every command takes the result as MODEL, and compile makes \
      one shared object of it. The models keep their own units, bounds and networks of the context; \
      they must have the same features and context features.

      A row costs as much to score as with all models one after the other, and about twice that to \
      sample.

      EXAMPLE: flowir ensemble a.safetensors b.safetensors --weights 2,1 --output both.safetensors
      """)

  @Argument(help: "The model files.") var models: [String]
  @Option(
    parsing: .unconditional,
    help: "A positive number for each model, such as 2,1; all models count alike if left out.",
    transform: Self.numbers)
  var weights: [Double]?
  @Option(help: "Where to write the model.") var output: String
  @OptionGroup var summary: SummaryFlag

  /// Positive numbers with commas between them.
  private static func numbers(_ text: String) throws -> [Double] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let number = Double(part.replacing(" ", with: "")), number > 0, number.isFinite else {
        throw ValidationError(
          "expected positive numbers such as 2,1, found '\(text)'; leave out a model without weight"
        )
      }
      return number
    }
  }

  func validate() throws {
    if let weights, weights.count != models.count {
      throw ValidationError(
        "--weights has \(weights.count) numbers, expected \(models.count), one for each model")
    }
    for path in models where path.hasSuffix(".so") {
      throw ValidationError("\(path): a compiled flow can't be joined; give its model file")
    }
  }

  func run() throws {
    let outputs = Outputs(inputs: models)
    let file = try outputs.open(output)
    let members = try models.map { try Model.read($0) }
    for (path, member) in zip(models, members) {
      for (name, found, wanted) in [
        ("features", member.features, members[0].features),
        ("context features", member.context, members[0].context),
      ] where found != wanted {
        throw FileError.mismatch(
          path: path, found: "\(found) \(name)", expected: "\(wanted), as in \(models[0])")
      }
    }
    do {
      try Model(ensemble: members, weights: weights).save(to: file)
    } catch let error as FlowError {
      // The library counts members; here they are files.
      let path = models.enumerated().first { "\(error)".hasPrefix("members[\($0.offset)]") }?
        .element
      throw ModelFileError(path: path ?? output, error: error)
    }
    try outputs.commit()
    try summary.print(
      [
        ("members", .integer(members.count)), ("features", .integer(members[0].features)),
        ("context", .integer(members[0].context)), ("output", .string(output)),
      ], "joined \(members.count) models to \(output)")
  }
}
