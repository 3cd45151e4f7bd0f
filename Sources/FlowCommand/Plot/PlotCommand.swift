import ArgumentParser
import FlowFiles
import FlowPlot
import Flows

/// `flowir plot`.
struct Plot: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw a picture of a flow: a .svg file, or a .png.",
    discussion: """
      density: the density of one or two features; one curve or panel for each row of --context.
      corner: samples of all features, each alone and with each other, over those of --data. With a \
      context, samples are drawn for its rows in turn.
      calibration: ranks of the rows of --data among samples for their contexts, and how many rows lie \
      in regions of each probability; flat lines within the band mean that samples look like the data.
      transform: how the flow bends each feature on its way to the base, with the others held.
      training: the log-likelihoods over the epochs, of a log that train --log wrote.

      Without --kind, a log is drawn as training, one or two features as density, and more as corner.

      EXAMPLE: flowir plot model.safetensors --data x.npy --output corner.svg
      """)

  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case density, corner, calibration, transform, training
  }

  @Argument(help: "The model file, a compiled .so, or a training log.") var model: String
  @Option(help: "What to draw.") var kind: Kind?
  @Option(name: [.customLong("data"), .customLong("input")], help: "Rows to compare with.")
  var data: String?
  @Option(help: "The contexts: one for each row of --data, or those to draw for.")
  var context: String?
  @Option(help: "Where to write the picture, a .svg or a .png.") var output: String
  @Option(
    parsing: .unconditional,
    help:
      "How many samples to draw, and the most rows of --data to use; evenly spaced ones of a longer table.",
    transform: Parse.integer(from: 10, to: 10_000_000))
  var rows: Int?
  @Option(parsing: .unconditional, help: "The seed of the samples.", transform: Parse.seed)
  var seed: UInt64 = 0
  @Option(
    parsing: .unconditional,
    help: "Which features to show, by name or number from 1, such as 1-4,7.",
    transform: Parse.columns)
  var features: ColumnSelection?
  @Option(
    help: "The names of the features, separated by commas; those of a .csv header if left out.")
  var names: String?
  @OptionGroup var tables: TableFlags
  @OptionGroup var options: CommonOptions

  func validate() throws {
    _ = try PictureFormat(path: output)
    if kind == .calibration, data == nil {
      throw ValidationError("--kind calibration compares with --data; name held-out rows")
    }
    if kind == .training, data != nil || context != nil {
      throw ValidationError("--kind training draws a log alone; leave out --data and --context")
    }
  }

  func run() throws {
    let format = try PictureFormat(path: output)
    try format.requireConverter()
    let outputs = Outputs(inputs: [model] + [data, context].compactMap { $0 })
    let file = try outputs.open(output)
    var summary: [(String, JSONValue)] = []
    let svg: SVG
    if kind == .training || (kind == nil && TrainingLog.isLog(path: model)) {
      svg = try TrainingLog(path: model).curves.svg
    } else {
      let model = try AnyModel(path: model)
      // Samples far from zero lose their digits in float32.
      let needsFloat64 = model.units(\.rowUnits)?.needFloat64 == true && options.dtype == nil
      switch needsFloat64 ? .f64 : try model.precision(options, path: self.model) {
      case .f32: (svg, summary) = try PlottedFlow<Float>(self, model).picture()
      case .f64: (svg, summary) = try PlottedFlow<Double>(self, model).picture()
      }
    }
    try file.write(format.bytes(of: svg))
    try outputs.commit()
    try options.summary(summary + [("output", .string(output))], "drew \(output)")
  }
}
